//! Inputs that are nearly right.

use proptest::prelude::*;
use proptest::sample::Index;

/// A change to an input.
#[derive(Debug, Clone)]
enum Edit {
    Set(Index, u8),
    Insert(Index, Vec<u8>),
    Remove(Index, usize),
    Repeat(Index, usize),
    Truncate(Index),
}

fn edit() -> impl Strategy<Value = Edit> {
    let place = any::<Index>;
    let token =
        prop::sample::select(vec!["\n", "\"", "'''", "```", "{", "}", "[", "]", "\u{fffd}", "密", "\0"]);
    let token = token.prop_map(|token| token.as_bytes().to_vec());
    prop_oneof![
        4 => (place(), any::<u8>()).prop_map(|(at, byte)| Edit::Set(at, byte)),
        3 => (place(), prop_oneof![token, any::<Vec<u8>>()]).prop_map(|(at, bytes)| Edit::Insert(at, bytes)),
        3 => (place(), 1usize..40).prop_map(|(at, length)| Edit::Remove(at, length)),
        2 => (place(), 1usize..400).prop_map(|(at, length)| Edit::Repeat(at, length)),
        1 => place().prop_map(Edit::Truncate),
    ]
}

impl Edit {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let place = |index: &Index, length: usize| index.index(length + 1);
        match self {
            Edit::Set(at, byte) => {
                let at = place(at, bytes.len());
                bytes.get_mut(at).into_iter().for_each(|old| *old = *byte);
            }
            Edit::Insert(at, new) => {
                let at = place(at, bytes.len());
                bytes.splice(at..at, new.iter().copied());
            }
            Edit::Remove(at, length) => {
                let at = place(at, bytes.len());
                bytes.drain(at..bytes.len().min(at + length));
            }
            Edit::Repeat(at, length) => {
                let at = place(at, bytes.len());
                let again = bytes[at..bytes.len().min(at + length)].to_vec();
                bytes.splice(at..at, again);
            }
            Edit::Truncate(at) => bytes.truncate(place(at, bytes.len())),
        }
    }
}

/// A seed with a few changes, or anything.
pub fn input(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let seed = prop::sample::select(seeds);
    let edited = (seed, prop::collection::vec(edit(), 0..6)).prop_map(|(mut bytes, edits)| {
        edits.iter().for_each(|edit| edit.apply(&mut bytes));
        bytes
    });
    prop_oneof![7 => edited, 1 => any::<Vec<u8>>()]
}
