//! What the body of a command demands: it is gone through once for each number of arguments, and once without each
//! flag, to see whether it then refuses. What cannot be told counts as possible.

use std::rc::Rc;

use super::eval::{Env, Evaluator};
use super::reads::{self, Reads};
use super::syntax::Func;
use super::walk::{End, Walker};
use crate::model::Args;

/// Numbers of arguments up to this are tried.
const COUNT_MAX: usize = 9;

/// What a body says of its arguments and flags.
#[derive(Default)]
pub struct Study {
    /// How many arguments it lets pass, by its own checks.
    pub checked: Option<Args>,
    /// It goes another way without arguments, and does not refuse: they may be left out.
    pub may_be_none: bool,
    /// Which arguments it looks at.
    pub reads: Reads,
    /// It refuses whatever it is given.
    pub always_refuses: bool,
    /// The flags without which it refuses.
    pub demanded: Vec<String>,
}

/// A flag that might be demanded: its names, and that it takes no value.
pub struct Candidate {
    pub names: Vec<String>,
    pub is_switch: bool,
}

/// Goes through a body.
pub fn study(evaluator: &Evaluator<'_>, func: &Func, env: &Rc<Env>, candidates: &[Candidate]) -> Study {
    let run = |count, without: Option<&Candidate>, given: &[&Candidate]| {
        let walker = Walker { evaluator, count, without, given, depth: 0 };
        walker.action(func, env)
    };
    let mut study = Study { reads: reads::of(evaluator, func, env), ..Study::default() };
    study.always_refuses = matches!(run(None, None, &[]).0, End::Refuses);
    if study.always_refuses {
        return study;
    }
    // A second time: what follows the check of a flag is sure only when that flag is given.
    let mut given: Vec<&Candidate> = Vec::new();
    for _ in 0..2 {
        for flag in candidates {
            if !given.iter().any(|other| std::ptr::eq(*other, flag))
                && flag.is_demanded(&run(None, Some(flag), &given).0)
            {
                given.push(flag);
            }
        }
    }
    study.demanded = given.iter().filter_map(|flag| flag.names.first().cloned()).collect();

    let tried: Vec<(End, Vec<bool>)> = (0..=COUNT_MAX).map(|count| run(Some(count), None, &given)).collect();
    let passes: Vec<usize> =
        (0..=COUNT_MAX).filter(|count| !matches!(tried[*count].0, End::Refuses)).collect();
    if let (Some(min), Some(max)) = (passes.first(), passes.last())
        && passes.len() <= COUNT_MAX
    {
        study.checked = Some(Args { min: *min, max: (*max < COUNT_MAX).then_some(*max) });
    }
    study.may_be_none = passes.first() == Some(&0) && tried[0].1 != tried[1].1;
    study
}

impl Candidate {
    /// Whether it goes by this name.
    pub fn is(&self, name: &str) -> bool {
        self.names.iter().any(|own| own == name)
    }

    /// Whether a body that ends so without this flag demands it.
    fn is_demanded(&self, end: &End) -> bool {
        match end {
            End::Refuses => true,
            // "Pass --really-do-it to go on."
            End::Returns { said } => {
                let names = |text: &String| self.names.iter().any(|name| text.contains(&format!("--{name}")));
                self.is_switch && said.iter().any(names)
            }
            End::GoesOn => false,
        }
    }
}
