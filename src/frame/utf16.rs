//! Text in UTF-16, known by its mark or by its zeros.
//!
//! Anchors are looked for in bytes of UTF-8, so none stands in such a text. Whoever reads bytes asks here.

/// Which byte of a unit comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The lower one.
    Little,
    /// The higher one.
    Big,
}

/// Bytes of a text that are looked at: enough for the time that a line begins with.
pub const LOOK_BYTES_MAX: usize = 64;
/// Without a mark so many units are needed to tell.
const UNITS_MIN: usize = 4;

/// The order of the text that `bytes` begins, if it is UTF-16.
///
/// A mark tells it. Without one, most units must be characters of ASCII, as in any log, and no byte that is
/// the lower one a zero.
pub fn order(bytes: &[u8]) -> Option<Order> {
    let bytes = &bytes[..bytes.len().min(LOOK_BYTES_MAX)];
    match bytes {
        // The mark of UTF-32.
        [0xff, 0xfe, 0, 0, ..] => return None,
        [0xff, 0xfe, ..] => return Some(Order::Little),
        [0xfe, 0xff, ..] => return Some(Order::Big),
        _ => {}
    }
    let (units, _) = bytes.as_chunks::<2>();
    let is_mostly = |low: usize| {
        let ascii = units.iter().filter(|unit| unit[1 - low] == 0 && is_text(unit[low])).count();
        units.len() >= UNITS_MIN && ascii * 4 >= units.len() * 3 && units.iter().all(|unit| unit[low] != 0)
    };
    if is_mostly(0) {
        Some(Order::Little)
    } else if is_mostly(1) {
        Some(Order::Big)
    } else {
        None
    }
}

/// Whether `bytes`, which begin behind some newline, are UTF-16: half a unit may stand before them.
pub fn is_in(bytes: &[u8]) -> bool {
    order(bytes).is_some() || bytes.split_first().is_some_and(|(_, rest)| order(rest).is_some())
}

fn is_text(byte: u8) -> bool {
    byte.is_ascii_graphic() || matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | 0x1b)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    const LINE: &str = "2022-06-24T14:33:24+08:00 ERROR 扇区: x\r\n";

    /// A text as such a log has it.
    pub(crate) fn encoded(text: &str, order: Order) -> Vec<u8> {
        let bytes = |unit: u16| match order {
            Order::Little => unit.to_le_bytes(),
            Order::Big => unit.to_be_bytes(),
        };
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn it_is_known_with_and_without_a_mark() {
        for order in [Order::Little, Order::Big] {
            for text in [LINE.to_owned(), format!("\u{feff}{LINE}"), "\u{feff}扇区".to_owned()] {
                let bytes = encoded(&text, order);
                assert_eq!(super::order(&bytes), Some(order), "{text:?}");
                assert!(is_in(&bytes), "{text:?}");
            }
        }
    }

    #[test]
    fn it_is_known_behind_a_newline_byte() {
        let bytes = encoded(&LINE.repeat(2), Order::Little);
        let newline = bytes.iter().position(|&byte| byte == b'\n').unwrap();
        assert!(is_in(&bytes[newline + 1..]), "the newline's zero comes first");
    }

    #[test]
    fn other_bytes_are_not_taken_for_it() {
        let zeros = [0; 64];
        let hole = [&[0; 40][..], LINE.as_bytes()].concat();
        for bytes in [
            &b""[..],
            b"\0",
            b"a\0",
            b"a\0b\0c",
            LINE.as_bytes(),
            "\u{feff}text".as_bytes(),
            b"\xff\xfe\0\0a\0\0\0b\0\0\0",
            b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0\x01\0\0\0",
            b"nul\0 nul\0 nul\0 nul\0 nul\0 nul\0",
            b"\x01\0\x02\0\x03\0\x04\0\x05\0\x06\0",
            &zeros,
            &hole,
        ] {
            assert!(!is_in(bytes), "{}", bytes.escape_ascii());
        }
    }
}
