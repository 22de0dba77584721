//! What a captured value has to be before it may stand in a command.
//!
//! Whoever can make a program log chooses what is captured. A kind says what a value may look like,
//! so that it is one word and nothing but that; whether it may be the operand of a command that changes
//! something depends on whether the kind is closed.

use crate::base::diagnostic::did_you_mean;

/// The kind of a captured value, as `[kinds]` of a page declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Decimal digits.
    Number,
    /// A miner: `1000`, `f01000` or `t01000`.
    Miner,
    /// A sector number.
    Sector,
    /// A UUID with hyphens.
    Uuid,
    /// A content identifier: `baf…` or `Qm…`.
    Cid,
    /// Hexadecimal digits, with or without `0x`.
    Hex,
    /// The address of a PCI device: `0000:41:00.0`.
    Pci,
    /// The name of a block or network device, without a folder.
    Device,
    /// An absolute path without `..`; where a folder is named, one below it.
    Path(Option<String>),
    /// An `http://`, `https://`, `ws://` or `wss://` address.
    Url,
    /// A host name or IP address, with or without a port.
    Host,
    /// A Filecoin address.
    Address,
    /// Letters, digits, `.`, `_` and `-`.
    Word,
    /// Anything: it fills no command.
    Text,
}

const NAMES: [(&str, Kind); 14] = [
    ("number", Kind::Number),
    ("miner", Kind::Miner),
    ("sector", Kind::Sector),
    ("uuid", Kind::Uuid),
    ("cid", Kind::Cid),
    ("hex", Kind::Hex),
    ("pci", Kind::Pci),
    ("device", Kind::Device),
    ("path", Kind::Path(None)),
    ("url", Kind::Url),
    ("host", Kind::Host),
    ("address", Kind::Address),
    ("word", Kind::Word),
    ("text", Kind::Text),
];

/// Digits of the largest number that a command is given.
const DIGITS_MAX: usize = 20;

impl Kind {
    /// Reads a kind as pages write it: its name, and for a path the folder it must lie in (`path:/dev/shm`).
    ///
    /// # Errors
    ///
    /// A hint at what would be one.
    pub fn parse(text: &str) -> Result<Kind, String> {
        if let Some(folder) = text.strip_prefix("path:") {
            return match is_path(folder) && !folder.ends_with('/') {
                true => Ok(Kind::Path(Some(folder.to_owned()))),
                false => Err("name the folder whole and without a last slash: `path:/dev/shm`".to_owned()),
            };
        }
        let known = NAMES.iter().find(|(name, _)| *name == text).map(|(_, kind)| kind.clone());
        let names = || NAMES.iter().map(|(name, _)| *name);
        known.ok_or_else(|| {
            did_you_mean(text, names())
                .unwrap_or_else(|| format!("the kinds are {}", names().collect::<Vec<_>>().join(", ")))
        })
    }

    /// The kind that a field has of itself, whatever page shows it.
    pub fn of_record(field: &str) -> Option<Kind> {
        match field {
            "miner" => Some(Kind::Miner),
            "sector" => Some(Kind::Sector),
            "stage" => Some(Kind::Word),
            _ => None,
        }
    }

    /// Whether its values name nothing that a stranger could mean: only such values fill a command that changes
    /// or deletes something.
    pub fn is_closed(&self) -> bool {
        match self {
            Kind::Number | Kind::Miner | Kind::Sector | Kind::Uuid | Kind::Cid | Kind::Hex | Kind::Pci => {
                true
            }
            Kind::Device | Kind::Path(_) | Kind::Url | Kind::Host | Kind::Address | Kind::Word => false,
            Kind::Text => false,
        }
    }

    /// Whether `value` is of this kind. What is accepted is one safe word, see [`is_safe_word`].
    pub fn accepts(&self, value: &str) -> bool {
        is_safe_word(value)
            && match self {
                Kind::Number | Kind::Sector => is_number(value),
                Kind::Miner => {
                    is_number(value.strip_prefix("f0").or(value.strip_prefix("t0")).unwrap_or(value))
                }
                Kind::Uuid => is_uuid(value),
                Kind::Cid => is_cid(value),
                Kind::Hex => is_hex(value.strip_prefix("0x").unwrap_or(value), 1..=128),
                Kind::Pci => is_pci(value),
                Kind::Device => made_of(value, b"-_.:") && !value.starts_with('.'),
                Kind::Path(folder) => is_path(value) && folder.as_ref().is_none_or(|it| lies_in(value, it)),
                Kind::Url => is_url(value),
                Kind::Host => made_of(value, b".-:"),
                Kind::Address => is_address(value),
                Kind::Word => made_of(value, b"._-"),
                Kind::Text => false,
            }
    }
}

/// Whether `value` is one word to a shell, whatever stands around it, and no option:
/// `A-Z a-z 0-9 . _ : / @ = + -`, not beginning with `-`.
pub fn is_safe_word(value: &str) -> bool {
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"._:/@=+-".contains(&byte);
    !value.is_empty() && !value.starts_with('-') && value.bytes().all(safe)
}

fn made_of(value: &str, besides: &[u8]) -> bool {
    value.bytes().all(|byte| byte.is_ascii_alphanumeric() || besides.contains(&byte))
}

fn is_number(value: &str) -> bool {
    (1..=DIGITS_MAX).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_hex(value: &str, length: std::ops::RangeInclusive<usize>) -> bool {
    length.contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_uuid(value: &str) -> bool {
    let parts = value.split('-').map(str::len);
    parts.eq([8, 4, 4, 4, 12]) && value.split('-').all(|part| is_hex(part, 1..=12))
}

fn is_cid(value: &str) -> bool {
    let base32 = |rest: &str| rest.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'2'..=b'7'));
    (value.starts_with("baf") && (20..=128).contains(&value.len()) && base32(value))
        || (value.starts_with("Qm") && value.len() == 46 && made_of(value, b""))
}

fn is_pci(value: &str) -> bool {
    let (domain, rest) = match value.matches(':').count() {
        1 => ("0000", value),
        _ => value.split_once(':').unwrap_or_default(),
    };
    let Some((bus, (device, function))) =
        rest.split_once(':').and_then(|(bus, slot)| Some((bus, slot.split_once('.')?)))
    else {
        return false;
    };
    let function = function.len() == 1 && function.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
    is_hex(domain, 4..=8) && is_hex(bus, 2..=2) && is_hex(device, 2..=2) && function
}

fn is_path(value: &str) -> bool {
    value.starts_with('/') && !value.split('/').any(|part| part == "..")
}

fn lies_in(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.len() > 1 && rest.starts_with('/'))
}

fn is_url(value: &str) -> bool {
    let behind = ["http://", "https://", "ws://", "wss://"].iter().find_map(|it| value.strip_prefix(it));
    // What stands before an `@` is a name and a password, and hides the host that is meant.
    behind.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphanumeric()) && !rest.contains('@'))
}

fn is_address(value: &str) -> bool {
    let protocol =
        value.strip_prefix(['f', 't']).and_then(|rest| rest.strip_prefix(['0', '1', '2', '3', '4']));
    protocol.is_some_and(|rest| (1..=120).contains(&rest.len()) && made_of(rest, b""))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_each_kind_accepts() {
        for (kind, good, bad) in [
            ("number", vec!["0", "12345"], vec!["", "-1", "1.5", "0x1", "123456789012345678901"]),
            ("miner", vec!["1000", "f01000", "t01000"], vec!["f0", "x01000", "f01000a", "-1000"]),
            ("sector", vec!["17"], vec!["s-t01000-17", "17,18"]),
            (
                "uuid",
                vec!["0f8fad5b-d9cb-469f-a165-70867728950e"],
                vec!["0f8fad5b-d9cb-469f-a165", "-f8fad5b-d9cb-469f-a165-70867728950e"],
            ),
            ("cid", vec!["bafy2bzacedxxxxxxxxxxxxxxxxxxxx"], vec!["bafy", "Qm", "bafy/../x"]),
            ("hex", vec!["0x1f", "deadbeef"], vec!["0x", "xyz"]),
            ("pci", vec!["0000:41:00.0", "41:00.0"], vec!["41", "0000:41:00", "0000:41:00.9", "::."]),
            ("device", vec!["sda", "nvme0n1", "dm-3", "md0"], vec!["/dev/sda", "../sda", "-a", ".."]),
            ("path", vec!["/var/tmp/a.log"], vec!["var", "/a/../b", "/a b", "/a;b", "//-a/.."]),
            (
                "path:/dev/shm",
                vec!["/dev/shm/x"],
                vec!["/dev/shm", "/dev/shm/", "/dev/shmx", "/dev/shm/../sda"],
            ),
            ("url", vec!["http://127.0.0.1:1789/rpc"], vec!["-K/tmp/x", "file:///etc/passwd", "http://a@b/"]),
            ("host", vec!["10.0.0.1:1789", "seal-07.example.org"], vec!["-oProxyCommand=x", "a/b", "a@b"]),
            ("address", vec!["f01000", "f3abc"], vec!["0xabc", "f9abc", "f0"]),
            ("word", vec!["seal-07", "v1.2"], vec!["a/b", "a=b", "-a"]),
            ("text", vec![], vec!["a", "1"]),
        ] {
            let kind = Kind::parse(kind).unwrap();
            good.iter().for_each(|value| assert!(kind.accepts(value), "{kind:?} refuses {value}"));
            bad.iter().for_each(|value| assert!(!kind.accepts(value), "{kind:?} accepts {value}"));
        }
    }

    #[test]
    fn kinds_that_are_none() {
        for (text, hint) in [
            ("numbr", "did you mean `number`?"),
            ("path:shm", "name the folder whole and without a last slash: `path:/dev/shm`"),
            ("path:/dev/../x", "name the folder whole and without a last slash: `path:/dev/shm`"),
        ] {
            assert_eq!(Kind::parse(text), Err(hint.to_owned()));
        }
        assert!(Kind::parse("elephantine").unwrap_err().starts_with("the kinds are number, miner,"));
    }

    proptest! {
        #[test]
        fn an_accepted_value_is_one_safe_word(value in "[-a-z0-9./:@=;$ `\"'<>|&-]{0,12}|[0-9a-f:.-]{0,14}") {
            for (_, kind) in &NAMES {
                if kind.accepts(&value) {
                    prop_assert!(is_safe_word(&value), "{:?} {:?}", kind, value);
                    prop_assert!(kind.is_closed() <= !value.contains('/'), "{:?} {:?}", kind, value);
                }
            }
        }
    }
}
