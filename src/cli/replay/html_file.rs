//! The file that `replay --html` writes: opened before anything is read, for that may take an hour, and
//! written when all is known.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::replay::report::OPENING;
use crate::source::archive::{Input, Unreadable};

/// See the module.
pub(super) enum HtmlFile {
    Stdout,
    File { path: PathBuf, file: File, is_regular: bool },
}

impl HtmlFile {
    /// Opens `path`; `-` is standard output.
    ///
    /// # Errors
    ///
    /// It cannot be written, or it holds something else than a report: `--html *.log` names logs.
    pub(super) fn open(path: &Path) -> Result<HtmlFile> {
        if path == Path::new("-") {
            return Ok(HtmlFile::Stdout);
        }
        let shown = || format!("cannot write the report to {}", path.display());
        let file = File::options().write(true).create(true).truncate(false).open(path).with_context(shown)?;
        // A pipe or a device holds nothing that could be lost.
        let is_regular = file.metadata().with_context(shown)?.is_file();
        if is_regular && !may_be_replaced(path).with_context(shown)? {
            bail!(
                "{} already exists and is not a report of sealtail; it was not changed\n\
                 hint: choose another file for the report, or remove this one",
                path.display()
            );
        }
        Ok(HtmlFile::File { path: path.to_owned(), file, is_regular })
    }

    pub(super) fn is_stdout(&self) -> bool {
        matches!(self, HtmlFile::Stdout)
    }

    /// Leaves the report itself out of what is read: it may stand beside the logs, and quotes them.
    pub(super) fn leave_out(&self, inputs: &mut Vec<Result<Input, Unreadable>>) {
        let HtmlFile::File { path, .. } = self else { return };
        let Ok(report) = path.canonicalize() else { return };
        let is_report = |input: &Result<Input, Unreadable>| match input {
            Ok(Input::File(path)) => path.canonicalize().is_ok_and(|path| path == report),
            _ => false,
        };
        inputs.retain(|input| !is_report(input));
    }

    /// Writes the report.
    pub(super) fn write(self, page: &str) -> Result<()> {
        match self {
            HtmlFile::Stdout => Ok(io::stdout().lock().write_all(page.as_bytes())?),
            HtmlFile::File { path, mut file, is_regular } => {
                let shown = || format!("cannot write the report to {}", path.display());
                if is_regular {
                    file.set_len(0).with_context(shown)?;
                }
                file.write_all(page.as_bytes()).with_context(shown)
            }
        }
    }
}

/// Whether a file is empty, or an earlier report.
fn may_be_replaced(path: &Path) -> io::Result<bool> {
    let mut opening = Vec::new();
    File::open(path)?.take(OPENING.len() as u64).read_to_end(&mut opening)?;
    Ok(opening.is_empty() || opening == OPENING.as_bytes())
}
