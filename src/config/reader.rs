//! What reading a setting needs: the text for faults, the folder for relative paths, and the checks
//! that several settings share.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use crate::base::diagnostic::Text;
use crate::base::diagnostic::table::{Located, Table};
use crate::base::duration;
use crate::base::secret::Secret;

/// An address or a key is short; something so large is neither.
const SECRET_BYTES_MAX: u64 = 64 << 10;
/// Permissions beyond `0640`: the group may read, the others may do nothing.
const MODE_TOO_WIDE: u32 = 0o037;

/// The configuration being read.
#[derive(Debug)]
pub(super) struct Reader<'t> {
    pub text: &'t Text<'t>,
    /// The folder of the configuration, absolute.
    folder: PathBuf,
    warnings: RefCell<Vec<String>>,
}

/// Names given so far, and the lines they stand in.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeMap<String, usize>);

impl<'t> Reader<'t> {
    pub fn new(text: &'t Text<'t>, path: &Path) -> Reader<'t> {
        // Fails where the working directory is gone; paths then stay as they are written.
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let folder = absolute.parent().unwrap_or(Path::new("/")).to_owned();
        Reader { text, folder, warnings: RefCell::default() }
    }

    pub fn warn(&self, warning: String) {
        self.warnings.borrow_mut().push(warning);
    }

    pub fn warnings(&self) -> Vec<String> {
        self.warnings.borrow().clone()
    }

    /// A path of the configuration: relative ones start at its folder.
    pub fn resolve(&self, path: &str) -> PathBuf {
        self.folder.join(path)
    }

    /// Refuses a path that a shell would begin with somebody's home; whether it did.
    pub fn refuses_home(&self, path: &Located<String>) -> bool {
        let is_home = path.value.starts_with('~');
        if is_home {
            let message = format!("`{}`: only a shell replaces `~`", path.value);
            self.text.fault_hint(
                "home",
                path.span.clone(),
                message,
                "write the whole path, such as /root/logs",
            );
        }
        is_home
    }

    /// The folder as the start of a glob.
    pub fn resolve_glob(&self, pattern: &str) -> String {
        if Path::new(pattern).is_absolute() {
            return pattern.to_owned();
        }
        let folder = glob::Pattern::escape(&self.folder.to_string_lossy());
        format!("{}/{pattern}", folder.trim_end_matches('/'))
    }

    /// A string that is not empty.
    pub fn text_of(&self, table: &Table<'_>, key: &'static str) -> Option<Located<String>> {
        let found = table.string(key)?;
        if found.span.is_empty() {
            // Nothing is written behind the `=`, which has its fault already.
            return None;
        }
        if found.value.trim().is_empty() {
            self.text.fault("empty", found.span, format!("`{key}` is empty"));
            return None;
        }
        Some(found)
    }

    pub fn path(&self, table: &Table<'_>, key: &'static str) -> Option<PathBuf> {
        self.text_of(table, key).filter(|path| !self.refuses_home(path)).map(|path| self.resolve(&path.value))
    }

    /// A name that must be there and that nothing else in `names` has.
    pub fn name(&self, table: &Table<'_>, names: &mut Names) -> Option<String> {
        table.require("name");
        let name = self.text_of(table, "name")?;
        let (line, _) = self.text.position(name.span.start);
        if let Some(earlier) = names.0.get(&name.value) {
            let message = format!("the name `{}` is already used in line {earlier}", name.value);
            self.text.fault("second-name", name.span, message);
            return None;
        }
        names.0.insert(name.value.clone(), line);
        Some(name.value)
    }

    pub fn globs(&self, table: &Table<'_>, key: &'static str) -> Vec<glob::Pattern> {
        table.strings(key).into_iter().filter_map(|pattern| self.glob(&pattern)).collect()
    }

    pub fn glob(&self, pattern: &Located<String>) -> Option<glob::Pattern> {
        let parsed = glob::Pattern::new(&pattern.value);
        let fault = |error: glob::PatternError| {
            let message = format!("`{}` is not a glob: {}", pattern.value, error.msg);
            self.text.fault("glob", pattern.span.clone(), message);
        };
        parsed.map_err(fault).ok()
    }

    pub fn duration(
        &self,
        table: &Table<'_>,
        key: &'static str,
        allowed: RangeInclusive<Duration>,
    ) -> Option<Duration> {
        table.parsed(key, "duration", |text| {
            let duration = duration::parse(text)?;
            if allowed.contains(&duration) {
                return Ok(duration);
            }
            let [least, most] = [allowed.start(), allowed.end()].map(|end| duration::show(*end));
            Err(format!("`{text}` is out of range: `{key}` must be from {least} to {most}"))
        })
    }

    pub fn number(&self, table: &Table<'_>, key: &'static str, most: u64) -> Option<u64> {
        let number = table.number(key)?;
        if number.value > most {
            let message = format!("{} is out of range: `{key}` must be from 0 to {most}", number.value);
            self.text.fault("number", number.span, message);
            return None;
        }
        Some(number.value)
    }

    /// The content of a file that holds a secret, without the newline at its end.
    pub fn secret_file(&self, path: &Located<String>) -> Option<Secret> {
        if self.refuses_home(path) {
            return None;
        }
        let full = self.resolve(&path.value);
        match read_small(&full) {
            Ok((content, mode)) => {
                if mode & MODE_TOO_WIDE != 0 {
                    let shown = full.display();
                    self.warn(format!("{shown} has mode {:04o}; 0640 is enough", mode & 0o7777));
                }
                Some(Secret::new(content.trim()))
            }
            Err(error) => {
                let message = format!("cannot read {}: {error}", full.display());
                self.text.fault("unreadable", path.span.clone(), message);
                None
            }
        }
    }
}

/// The text of a small file and its mode.
fn read_small(path: &Path) -> io::Result<(String, u32)> {
    let meta = fs::metadata(path)?;
    if !meta.is_file() || meta.len() > SECRET_BYTES_MAX {
        return Err(io::Error::other(format!("not a file of at most {} KiB", SECRET_BYTES_MAX >> 10)));
    }
    // The error of `read_to_string` does not show the content.
    Ok((fs::read_to_string(path)?, meta.permissions().mode()))
}
