//! A filter that looks at few bytes: one gram every `stride` bytes, for literals that are long enough.
//!
//! Wherever a literal stands, one of any `stride` grams of it that follow one another begins at a
//! place that is looked at. So of every literal a window of `stride` grams is chosen, where they are
//! rarest in a healthy log, and put into a table. Nearly all places end at an entry that is not set.
//! What is left is compared with the literals, byte by byte.
//!
//! The shortest literal decides the stride: of 7 bytes it is 1, of 14 it is 8. The number of
//! literals hardly matters as long as the table, which is small enough for a near cache, stays nearly
//! empty.

use std::array;

use crate::signature::healthy::{GRAM, commonness};

/// Strides there is code for, each its own: the compiler then knows every distance.
macro_rules! strides {
    ($use:ident) => {
        $use!(1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 32)
    };
}

/// Places looked at in one round. Their loads overlap, and one branch does for all; of more, too many
/// rounds have one that hits.
const ROUND: usize = 4;
/// Bytes loaded for a gram, one more than it has.
const LOAD: usize = 8;
const GRAM_MASK: u64 = (1 << (8 * GRAM)) - 1;
/// Bits of a gram's hash that are its place in the filter: 128 KiB, which the second cache holds. Bytes
/// and not bits, for a byte is had with one instruction, and a bit with three.
const FILTER_BITS: u32 = 17;

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Strided {
    stride: usize,
    /// Not 0 where a gram of a window hashes to: then its [`mark`] is set.
    filter: Box<[u8; 1 << FILTER_BITS]>,
    literals: Vec<Box<[u8]>>,
    /// All grams of all windows, by the slot of their hash; those of slot `n` lie between
    /// `slots[n]` and `slots[n + 1]`.
    grams: Vec<Gram>,
    slots: Vec<u32>,
    slots_bits: u32,
}

/// A gram of a literal's window.
#[derive(Debug, Clone, Copy)]
struct Gram {
    value: u64,
    /// Where the literal goes on, the byte behind the gram belongs to `value`: it spares most looks at
    /// literals that share a word.
    mask: u64,
    literal: u32,
    /// Bytes of the literal before it.
    offset: u32,
}

/// The stride at which literals of at least `shortest` bytes are found; 0 if there is none.
pub(super) fn stride(shortest: usize) -> usize {
    macro_rules! list {
        ($($stride:literal),*) => { [$($stride),*] };
    }
    let fits = |stride: &usize| *stride + GRAM - 1 <= shortest;
    strides!(list).into_iter().rfind(fits).unwrap_or(0)
}

impl Strided {
    /// A filter for `literals`; `None` if one of them is too short, or if there is none.
    pub(super) fn new(literals: &[&[u8]]) -> Option<Strided> {
        let stride = stride(literals.iter().map(|literal| literal.len()).min()?);
        if stride == 0 {
            return None;
        }
        let mut filter = Box::new([0; 1 << FILTER_BITS]);
        let mut grams = Vec::with_capacity(literals.len() * stride);
        for (index, literal) in literals.iter().enumerate() {
            for offset in window(literal, stride) {
                let value = load_end(&literal[offset..]);
                let mask = if literal.len() - offset < LOAD { GRAM_MASK } else { u64::MAX };
                filter[place(value)] |= mark(value);
                grams.push(Gram { value, mask, literal: index as u32, offset: offset as u32 });
            }
        }
        let slots_bits = grams.len().next_power_of_two().ilog2();
        grams.sort_by_key(|gram| (slot(gram.value, slots_bits), gram.literal));
        let starts = (0..=1_usize << slots_bits)
            .map(|number| grams.partition_point(|gram| slot(gram.value, slots_bits) < number) as u32);
        let slots = starts.collect();
        let literals = literals.iter().map(|&literal| literal.into()).collect();
        Some(Strided { stride, filter, literals, grams, slots, slots_bits })
    }

    /// The last byte of a literal in `bytes[from..]`; the first one found from the left, which may
    /// overlap another that starts before it.
    pub(super) fn find(&self, bytes: &[u8], from: usize) -> Option<usize> {
        macro_rules! dispatch {
            ($($stride:literal),*) => {
                match self.stride {
                    $($stride => self.find_by::<$stride>(bytes, from),)*
                    _ => self.find_slowly(bytes, from, from),
                }
            };
        }
        strides!(dispatch)
    }

    fn find_by<const STRIDE: usize>(&self, bytes: &[u8], from: usize) -> Option<usize> {
        let mut at = from;
        while let Some(round) = bytes.get(at..at + (ROUND - 1) * STRIDE + LOAD) {
            // Which place it was is found out only where one hits: to keep it costs more than the rest.
            let mut hit = 0;
            for number in 0..ROUND {
                hit |= self.filter[place(load(&round[number * STRIDE..]))];
            }
            if hit != 0
                && let Some(end) = self.look::<STRIDE>(bytes, from, at)
            {
                return Some(end);
            }
            at += ROUND * STRIDE;
        }
        self.find_slowly(bytes, from, at)
    }

    /// The same for the places of one round, which are all in `bytes`.
    #[cold]
    #[inline(never)]
    fn look<const STRIDE: usize>(&self, bytes: &[u8], from: usize, at: usize) -> Option<usize> {
        let round = bytes.get(at..at + (ROUND - 1) * STRIDE + LOAD)?;
        let mut hits = 0_u32;
        for number in 0..ROUND {
            hits |= u32::from(self.may_be(load(&round[number * STRIDE..]))) << number;
        }
        while hits != 0 {
            let place = hits.trailing_zeros() as usize * STRIDE;
            if let Some(end) = self.confirm(bytes, from, at + place, load(&round[place..])) {
                return Some(end);
            }
            hits &= hits - 1;
        }
        None
    }

    /// The same from place `at` on, up to the last gram of `bytes`.
    fn find_slowly(&self, bytes: &[u8], from: usize, at: usize) -> Option<usize> {
        let places = (at..(bytes.len() + 1).saturating_sub(GRAM)).step_by(self.stride);
        let grams = places.map(|place| (place, load_end(&bytes[place..])));
        let hits = |&(_, gram): &(usize, u64)| self.may_be(gram);
        grams.filter(hits).find_map(|(place, gram)| self.confirm(bytes, from, place, gram))
    }

    #[inline(always)]
    fn may_be(&self, gram: u64) -> bool {
        self.filter[place(gram)] & mark(gram) != 0
    }

    /// The last byte of a literal in `bytes[from..]` that has `gram` in its window, at `place`.
    #[cold]
    #[inline(never)]
    fn confirm(&self, bytes: &[u8], from: usize, place: usize, gram: u64) -> Option<usize> {
        let slot = slot(gram, self.slots_bits);
        let grams = &self.grams[self.slots[slot] as usize..self.slots[slot + 1] as usize];
        grams.iter().filter(|one| (one.value ^ gram) & one.mask == 0).find_map(|one| {
            let literal = &self.literals[one.literal as usize];
            let start = place.checked_sub(one.offset as usize).filter(|start| *start >= from)?;
            bytes[start..].starts_with(literal).then(|| start + literal.len() - 1)
        })
    }
}

/// The offsets of the `stride` grams of `literal` that follow one another and are rarest.
fn window(literal: &[u8], stride: usize) -> std::ops::Range<usize> {
    let common: Vec<u64> =
        literal.windows(GRAM).map(|gram| commonness(array::from_fn(|index| gram[index]))).collect();
    let sums = common.windows(stride).map(|grams| grams.iter().sum::<u64>()).enumerate();
    let start = sums.min_by_key(|&(_, sum)| sum).map_or(0, |(start, _)| start);
    start..start + stride
}

/// The gram at the start of `bytes`, which are at least [`LOAD`], and the byte behind it.
#[inline(always)]
fn load(bytes: &[u8]) -> u64 {
    bytes.first_chunk::<LOAD>().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// The same where fewer may be left; what is behind them is 0.
fn load_end(bytes: &[u8]) -> u64 {
    let mut padded = [0; LOAD];
    let length = bytes.len().min(LOAD);
    padded[..length].copy_from_slice(&bytes[..length]);
    u64::from_le_bytes(padded)
}

/// The hash of a gram; a byte above it is shifted out, so none has to be masked away.
#[inline(always)]
fn hash(gram: u64) -> u64 {
    gram.wrapping_mul(0x9e37_79b9_7f4a_7c15 << (8 * (LOAD - GRAM)))
}

/// Where `gram` is in the filter.
#[inline(always)]
fn place(gram: u64) -> usize {
    (hash(gram) >> (u64::BITS - FILTER_BITS)) as usize
}

/// One bit of eight: of grams that share a place, seven in eight are told apart by it.
#[inline(always)]
fn mark(gram: u64) -> u8 {
    1 << (hash(gram) >> (u64::BITS - FILTER_BITS - 3) & 7)
}

fn slot(gram: u64, bits: u32) -> usize {
    (hash(gram) >> 20 & ((1 << bits) - 1)) as usize
}
