//! What a file is: new, the one that was read, a copy of one that was, or not to be told yet.
//!
//! What speaks for each is gathered in `evidence`, which opens and reads files. Here is the rule alone.

use super::mark::PROOF_LEN;

/// How a file holds what was read of a generation that has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    /// Its bytes prove it.
    Proved,
    /// Too few were read: its inode number says it.
    ByNumber,
    /// It holds a part of that and no more.
    Part,
}

/// What a file is the start of, or all of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Longer {
    /// What a generation has in a file; whether enough of that was read to know it by.
    Followed { id: u64, is_proved: bool },
    /// A file that is new, too.
    New,
}

/// What was found out about a file. What was not asked for is not there.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    /// Its bytes.
    pub size: u64,
    /// No source names it, and it is not known what it was: it may be anything beside a log.
    pub is_unnamed: bool,
    /// The generations without a file that it may hold, the likeliest first.
    pub fits: Vec<(u64, Fit)>,
    /// The generation with another file that was read from the bytes it holds.
    pub read_of: Option<u64>,
    /// What has its name but for what rotation adds, and begins with all it holds.
    pub starts: Option<Longer>,
}

/// Why nobody can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doubt {
    /// It is empty, or too little is known of what it equals: it may become a copy, or more.
    Little,
    /// What it equals is to be followed first.
    Unfollowed,
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing of it was read.
    New,
    /// This generation goes on in it.
    Same(u64),
    /// It holds what this generation has elsewhere, or had: none of it is news.
    CopyOf(u64),
    Undecided(Doubt),
}

/// Judges a file by all that was found out.
pub(super) fn judge(evidence: &Evidence) -> Verdict {
    let Evidence { size, is_unnamed, fits, read_of, starts } = evidence;
    if let Some(id) = *read_of {
        return Verdict::CopyOf(id);
    }
    let is_enough = *size >= PROOF_LEN;
    // The number of a file that is gone may have been given to a copy of another.
    let is_misnumbered = is_enough && matches!(starts, Some(Longer::Followed { .. }));
    let stands = |(_, fit): &&(u64, Fit)| *fit != Fit::ByNumber || !is_misnumbered;
    match fits.iter().find(stands) {
        Some(&(id, Fit::Part)) => return Verdict::CopyOf(id),
        Some(&(id, _)) => return Verdict::Same(id),
        None => {}
    }
    match *starts {
        // What a copy has written of itself at once is more.
        Some(_) if *is_unnamed && !is_enough => Verdict::New,
        Some(Longer::Followed { id, is_proved: true }) if *size > 0 => Verdict::CopyOf(id),
        Some(Longer::Followed { .. }) => Verdict::Undecided(Doubt::Little),
        Some(Longer::New) if *size > 0 => Verdict::Undecided(Doubt::Unfollowed),
        Some(Longer::New) | None => Verdict::New,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FEW: u64 = PROOF_LEN - 1;
    const KNOWN: Option<Longer> = Some(Longer::Followed { id: 5, is_proved: true });
    const HARDLY_KNOWN: Option<Longer> = Some(Longer::Followed { id: 5, is_proved: false });

    /// What is judged: its size, what it fits, what it is the start of; and how.
    type Case = (&'static str, u64, &'static [(u64, Fit)], Option<Longer>, Verdict);

    #[track_caller]
    fn assert_judged(cases: &[Case], is_unnamed: bool) {
        for &(what, size, fits, starts, verdict) in cases {
            let evidence = Evidence { size, is_unnamed, fits: fits.to_vec(), starts, read_of: None };
            assert_eq!(judge(&evidence), verdict, "{what}");
            // What was read of another outweighs everything.
            let read_of = Some(9);
            assert_eq!(judge(&Evidence { read_of, ..evidence }), Verdict::CopyOf(9), "{what}");
        }
    }

    #[test]
    fn files_that_a_source_names() {
        let little = Verdict::Undecided(Doubt::Little);
        assert_judged(
            &[
                ("empty", 0, &[], None, Verdict::New),
                ("nothing is like it", 900, &[], None, Verdict::New),
                ("a copy", 900, &[], KNOWN, Verdict::CopyOf(5)),
                ("a copy of few bytes, in the making", FEW, &[], KNOWN, Verdict::CopyOf(5)),
                ("a copy of which nothing is written yet", 0, &[], KNOWN, little),
                ("like one that was hardly read", 900, &[], HARDLY_KNOWN, little),
                ("like one that is new", 900, &[], Some(Longer::New), Verdict::Undecided(Doubt::Unfollowed)),
                ("empty, beside one that is new", 0, &[], Some(Longer::New), Verdict::New),
                ("one that was read", 900, &[(3, Fit::Proved)], None, Verdict::Same(3)),
                ("one that was read, and has a copy", 900, &[(3, Fit::Proved)], KNOWN, Verdict::Same(3)),
                ("its number alone", 900, &[(3, Fit::ByNumber)], None, Verdict::Same(3)),
                ("its number, given to a copy", 900, &[(3, Fit::ByNumber)], KNOWN, Verdict::CopyOf(5)),
                ("its number, given to what may be one", 900, &[(3, Fit::ByNumber)], HARDLY_KNOWN, little),
                ("its number, and few bytes", FEW, &[(3, Fit::ByNumber)], KNOWN, Verdict::Same(3)),
                (
                    "its number, like a new one",
                    900,
                    &[(3, Fit::ByNumber)],
                    Some(Longer::New),
                    Verdict::Same(3),
                ),
                ("two", 900, &[(3, Fit::ByNumber), (4, Fit::Proved)], None, Verdict::Same(3)),
                ("the second", 900, &[(3, Fit::ByNumber), (4, Fit::Proved)], KNOWN, Verdict::Same(4)),
                ("a part of what was read", 900, &[(3, Fit::Part)], None, Verdict::CopyOf(3)),
            ],
            false,
        );
    }

    #[test]
    fn files_that_no_source_names() {
        assert_judged(
            &[
                ("nothing is like it", 900, &[], None, Verdict::New),
                ("a copy", 900, &[], KNOWN, Verdict::CopyOf(5)),
                ("just enough of one", PROOF_LEN, &[], KNOWN, Verdict::CopyOf(5)),
                ("few bytes", FEW, &[], KNOWN, Verdict::New),
                ("few bytes of one that was hardly read", FEW, &[], HARDLY_KNOWN, Verdict::New),
                ("like one that was hardly read", 900, &[], HARDLY_KNOWN, Verdict::Undecided(Doubt::Little)),
            ],
            true,
        );
    }
}
