//! The file that `replay --html` writes: opened before anything is read, for that may take an hour, and
//! written when all is known.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::report::OPENING;
use crate::source::archive::{Input, Unreadable};

/// See the module.
pub(super) enum HtmlFile {
    Stdout,
    File(PathBuf, File),
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
        let mut options = File::options();
        let mut file =
            options.read(true).write(true).create(true).truncate(false).open(path).with_context(shown)?;
        let mut opening = Vec::new();
        (&mut file).take(OPENING.len() as u64).read_to_end(&mut opening).with_context(shown)?;
        if !opening.is_empty() && opening != OPENING.as_bytes() {
            bail!(
                "{} is there already and is no report of sealtail: it stays as it is\n\
                 hint: name another file for the report, or remove this one",
                path.display()
            );
        }
        Ok(HtmlFile::File(path.to_owned(), file))
    }

    pub(super) fn is_stdout(&self) -> bool {
        matches!(self, HtmlFile::Stdout)
    }

    /// Leaves the report itself out of what is read: it may stand beside the logs, and quotes them.
    pub(super) fn leave_out(&self, inputs: &mut Vec<Result<Input, Unreadable>>) {
        let HtmlFile::File(report, _) = self else { return };
        let Ok(report) = report.canonicalize() else { return };
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
            HtmlFile::File(path, mut file) => {
                let shown = || format!("cannot write the report to {}", path.display());
                file.rewind().with_context(shown)?;
                file.set_len(0).with_context(shown)?;
                file.write_all(page.as_bytes()).with_context(shown)
            }
        }
    }
}
