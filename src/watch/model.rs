//! Random histories of a worker's log, its rotation, the state's disk and a receiver, against one
//! rule: every line that could be read is found exactly once, and what was lost is announced.
//!
//! A line is *at risk* once it is in no file that a follower could know of, before its alert was
//! committed: then it may be missing. All others must be told, however the power went.
//! `SEALTAIL_TEST_HISTORIES` asks for more of them, and for other ones every time.

mod entries;
mod follower;
mod joint;
mod replayed;
mod world;

use std::time::Duration;

use jiff::SignedDuration;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use self::follower::{Follower, Mode};
use self::world::{Habits, World};
use crate::source::tail::{Settings, Start, Trouble};
use crate::store::disk::{self, Cut, Installed};

const HISTORIES: u32 = 400;
const ACTIONS_MAX: usize = 60;

#[derive(Debug, Clone)]
enum Action {
    Append(usize),
    /// The first part of a line, cut near this place.
    Half(usize),
    Rotate,
    /// Renamed, and no new file yet.
    RotateOnly,
    Lag(usize),
    /// What happens between the copy and the truncation: nothing, a look, lines.
    CopyTruncate(u8),
    Truncate(usize),
    TruncateAndRegrow,
    Delete,
    Create,
    Compress,
    /// A turn so many seconds later, and whether it is committed.
    Turn(u64, bool),
    Sweep,
    Crash,
    /// So many of 256 sectors that were not synced are kept.
    PowerCut(u16, u64),
    /// The same, and the log has lost so many lines.
    PowerCutOfAll(usize),
    Disk(disk::Trouble),
    Deliver(Mode),
    /// Somebody sets the clock, by so many seconds.
    SetClock(i64),
}

fn action() -> impl Strategy<Value = Action> {
    let trouble = prop_oneof![
        3 => Just(disk::Trouble::None),
        1 => Just(disk::Trouble::Full),
        1 => Just(disk::Trouble::ReadOnly),
        1 => Just(disk::Trouble::Unsynced),
    ];
    let mode = prop_oneof![Just(Mode::Takes), Just(Mode::Fails), Just(Mode::Delays), Just(Mode::Cut)];
    prop_oneof![
        12 => (1..6_usize).prop_map(Action::Append),
        4 => any::<usize>().prop_map(Action::Half),
        4 => Just(Action::Rotate),
        1 => Just(Action::RotateOnly),
        4 => (1..4_usize).prop_map(Action::Lag),
        3 => (0..4_u8).prop_map(Action::CopyTruncate),
        1 => (0..3_usize).prop_map(Action::Truncate),
        1 => Just(Action::TruncateAndRegrow),
        1 => Just(Action::Delete),
        3 => Just(Action::Create),
        1 => Just(Action::Compress),
        12 => (0..100_u64, prop::bool::weighted(0.8)).prop_map(|(time, commit)| Action::Turn(time, commit)),
        2 => Just(Action::Sweep),
        4 => Just(Action::Crash),
        2 => (0..=256_u16, any::<u64>()).prop_map(|(kept, seed)| Action::PowerCut(kept, seed)),
        1 => (0..4_usize).prop_map(Action::PowerCutOfAll),
        3 => trouble.prop_map(Action::Disk),
        5 => mode.prop_map(Action::Deliver),
        1 => (-7_200..90_000_i64).prop_map(Action::SetClock),
    ]
}

fn habits() -> impl Strategy<Value = Habits> {
    let kind = prop_oneof![
        3 => Just((false, false)),
        3 => Just((true, false)),
        1 => Just((false, true)),
    ];
    (kind, any::<bool>()).prop_map(|((all_named, linked), numbered)| Habits { all_named, numbered, linked })
}

struct History {
    // Before the store, which is closed on it.
    follower: Follower,
    world: World,
    _installed: Installed,
}

impl History {
    fn new(habits: Habits) -> History {
        let world = World::new(habits);
        let pattern = world.path(if habits.all_named { "worker.log*" } else { "worker.log" });
        let settings = Settings {
            name: "worker".to_owned(),
            paths: vec![pattern.to_str().unwrap().to_owned()],
            exclude: Vec::new(),
            start: Start::Beginning,
            poll: None,
            hold: Duration::from_millis(500),
        };
        let disk = disk::Disk::of(Vec::new());
        let installed = disk.install();
        History { follower: Follower::new(settings, disk), world, _installed: installed }
    }

    fn crash(&mut self, cut: Option<Cut>) {
        // What keeps a disk from working keeps sealtail from starting.
        self.follower.disk.set_trouble(disk::Trouble::None);
        self.follower.crash(cut);
        self.world.forgotten(&self.follower.committed);
    }

    fn sweep(&mut self) {
        // While the state cannot be written, nothing is looked at.
        if !self.follower.is_refused() {
            self.follower.sweep();
            self.world.looked_at(false);
        }
    }

    fn act(&mut self, action: &Action) {
        let History { follower, world, .. } = self;
        let committed = follower.committed.clone();
        match *action {
            Action::Append(lines) => world.append(lines),
            Action::Half(place) => world.half(place),
            Action::Rotate => world.rotate(&committed, true),
            Action::RotateOnly => world.rotate(&committed, false),
            Action::Lag(lines) => world.lag(lines),
            Action::CopyTruncate(between) => world.copy_truncate(&committed, |world| {
                if between & 1 != 0 {
                    world.append(1);
                }
                if between & 2 != 0 && !follower.is_refused() {
                    follower.sweep();
                    world.looked_at(false);
                }
            }),
            Action::Truncate(lines) => world.truncate(&committed, lines, false),
            Action::TruncateAndRegrow => world.truncate(&committed, 1, true),
            Action::Delete => world.delete(&committed),
            Action::Create => world.create(),
            Action::Compress => world.compress(&committed),
            Action::Turn(seconds, commits) => {
                world.clock += seconds;
                if follower.turn(seconds, commits) {
                    world.looked_at(true);
                    if commits && !follower.is_refused() {
                        world.noticed();
                    }
                }
            }
            Action::Sweep => self.sweep(),
            Action::Crash => self.crash(None),
            Action::PowerCut(kept, seed) => self.crash(Some(Cut { sector: 512, kept, seed })),
            Action::PowerCutOfAll(lines) => {
                world.shorten(&committed, lines);
                self.crash(Some(Cut { sector: 4_096, kept: 0, seed: 0 }));
            }
            Action::Disk(trouble) => follower.disk.set_trouble(trouble),
            Action::Deliver(mode) => follower.deliver(mode),
            Action::SetClock(seconds) => follower.wall += SignedDuration::from_secs(seconds),
        }
    }

    /// All trouble is over; what there is to read and to tell is read and told.
    fn end(&mut self) {
        self.follower.disk.set_trouble(disk::Trouble::None);
        self.world.create();
        self.world.append(1);
        for _ in 0..4 {
            self.world.clock += 61;
            assert!(self.follower.turn(61, true), "the state can be written");
            self.world.looked_at(true);
        }
        self.follower.close();
    }

    fn check(&self) {
        let found = self.follower.inbox.found();
        let mut lost = 0;
        for (number, line) in &self.world.lines {
            let count = found.get(number).copied().unwrap_or(0);
            let least = u64::from(line.whole && !line.at_risk);
            assert!(count >= least, "line {number} is lost: {line:?}; {:?}", self.follower.troubles);
            assert!(count <= 1 + line.again, "line {number} was told {count} times: {line:?}");
            if count == 0 && line.missed && line.whole {
                lost += line.bytes;
            }
        }
        let gaps = self.follower.troubles.iter().filter_map(|trouble| match trouble {
            Trouble::Gap { bytes, .. } => Some(bytes.unwrap_or(0)),
            _ => None,
        });
        let announced: u64 = gaps.clone().sum();
        assert!(lost <= announced, "{lost} bytes are lost, {announced} told: {:?}", self.follower.troubles);
        if gaps.count() > 0 {
            let any = self.world.lines.values().any(|line| line.at_risk || !line.whole);
            assert!(any || self.world.doubtful, "nothing was lost, and yet: {:?}", self.follower.troubles);
        }
        self.follower.inbox.assert_in_order();
    }
}

/// So many histories, and where they come from: the same ones every time, unless more are asked for.
fn histories() -> (u32, RngSeed) {
    let asked = std::env::var("SEALTAIL_TEST_HISTORIES");
    asked.map_or((HISTORIES, RngSeed::Fixed(7)), |histories| (histories.parse().unwrap(), RngSeed::Random))
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: histories().0,
        rng_seed: histories().1,
        failure_persistence: None,
        max_shrink_iters: 4_000,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_line_is_told_once_and_every_loss_is_announced(
        habits in habits(),
        actions in prop::collection::vec(action(), 1..ACTIONS_MAX),
    ) {
        let mut history = History::new(habits);
        for action in &actions {
            history.act(action);
        }
        history.end();
        history.check();
    }
}

/// Histories that broke the rule once.
mod once {
    use super::Action::{
        self, Append, Compress, CopyTruncate, Crash, Create, Half, Lag, PowerCut, PowerCutOfAll, Rotate,
        RotateOnly, Sweep, Truncate, Turn,
    };
    use super::{Habits, History};

    const NAMED: Habits = Habits { all_named: true, numbered: false, linked: false };
    const ALONE: Habits = Habits { all_named: false, ..NAMED };
    const NUMBERED: Habits = Habits { numbered: true, ..ALONE };

    const HISTORIES: &[(Habits, &[Action])] = &[
        (
            ALONE,
            &[
                Append(2),
                Turn(0, false),
                RotateOnly,
                Turn(0, true),
                Create,
                RotateOnly,
                Lag(1),
                Turn(0, false),
                Compress,
            ],
        ),
        (
            ALONE,
            &[
                Append(1),
                Append(1),
                CopyTruncate(3),
                Rotate,
                Append(1),
                Lag(2),
                Turn(0, true),
                Compress,
                Turn(0, false),
                Truncate(1),
                Append(1),
                Crash,
                Rotate,
            ],
        ),
        (
            NAMED,
            &[
                CopyTruncate(0),
                Turn(0, true),
                Truncate(1),
                Crash,
                Compress,
                Create,
                Turn(0, false),
                CopyTruncate(2),
                Append(1),
            ],
        ),
        (NAMED, &[Half(3453029885961925500), Turn(0, false), Append(1), CopyTruncate(2), Rotate]),
        (
            ALONE,
            &[
                Truncate(1),
                Append(5),
                Turn(0, true),
                Rotate,
                Half(2042230999806418437),
                Rotate,
                Turn(0, false),
                Lag(1),
            ],
        ),
        (
            NUMBERED,
            &[
                CopyTruncate(2),
                Rotate,
                Rotate,
                Turn(0, false),
                RotateOnly,
                Turn(3, false),
                Lag(2),
                Turn(57, true),
                Create,
                Truncate(1),
                Rotate,
                Turn(0, false),
            ],
        ),
        (
            NUMBERED,
            &[
                Turn(0, false),
                Rotate,
                Rotate,
                Rotate,
                Append(1),
                RotateOnly,
                Turn(0, false),
                Turn(60, true),
                Create,
                Append(1),
                Rotate,
            ],
        ),
        (
            ALONE,
            &[
                Append(1),
                Rotate,
                Append(5),
                Append(1),
                Turn(0, true),
                PowerCutOfAll(1),
                Turn(0, false),
                Append(2),
                Turn(0, true),
                Crash,
                Append(1),
            ],
        ),
        (ALONE, &[Append(1), Turn(0, false), Turn(1, true), Crash, Sweep, CopyTruncate(0)]),
        (
            NUMBERED,
            &[
                CopyTruncate(2),
                Append(1),
                CopyTruncate(0),
                Rotate,
                Turn(0, false),
                Append(1),
                Turn(1, true),
                Crash,
                CopyTruncate(0),
                Rotate,
                Turn(0, false),
                Lag(1),
            ],
        ),
        (
            ALONE,
            &[Turn(20, false), Rotate, Lag(2), Append(1), Turn(90, true), Rotate, Compress, Crash, Compress],
        ),
        (
            Habits { numbered: true, ..NAMED },
            &[
                PowerCutOfAll(3),
                Lag(1),
                CopyTruncate(2),
                Rotate,
                RotateOnly,
                Turn(29, true),
                Create,
                PowerCut(115, 5055352345676840273),
                CopyTruncate(1),
                Rotate,
                Rotate,
                Append(5),
                Crash,
                Append(5),
                Crash,
                Append(4),
                Turn(12, false),
                Lag(1),
                Half(819591851162070090),
                Half(11853606033792195691),
                Compress,
                Turn(4, true),
                Lag(3),
            ],
        ),
    ];

    #[test]
    fn what_went_wrong_goes_well() {
        for (habits, actions) in HISTORIES {
            // Shown where it fails.
            println!("{habits:?} {actions:?}");
            let mut history = History::new(*habits);
            actions.iter().for_each(|action| history.act(action));
            history.end();
            history.check();
        }
    }
}
