//! Reads the operator's folders of pages: `<folder>/<pack>/<name>.md`.
//!
//! Only finds and reads the files; [`Catalogue::load`](crate::signature::Catalogue::load) says
//! whether they are good. What is no page (a `README.md`, a hidden file, a picture) is passed over.

use std::fs;
use std::path::{Path, PathBuf};

use crate::base::diagnostic::Diagnostic;
use crate::model::alert::Lang;
use crate::signature::name::{self, PageName};
use crate::signature::{PageSource, PageText};

/// A page is a few KiB; something so large is not one.
const PAGE_BYTES_MAX: u64 = 1 << 20;
/// Bytes of all pages of a folder: the largest catalogue, in two languages, and then some.
const FOLDER_BYTES_MAX: u64 = 256 << 20;

/// Reads every page of every pack in `folder`, in the order of their paths.
///
/// # Errors
///
/// A diagnostic for each file or folder that cannot be read or has no proper name.
pub fn read_folder(folder: &Path) -> Result<Vec<PageSource>, Vec<Diagnostic>> {
    read_folder_of(folder, FOLDER_BYTES_MAX)
}

fn read_folder_of(folder: &Path, bytes_max: u64) -> Result<Vec<PageSource>, Vec<Diagnostic>> {
    let mut reader = Reader { pages: Vec::new(), faults: Vec::new(), bytes: 0, bytes_max };
    reader.folder(folder);
    if reader.faults.is_empty() { Ok(reader.pages) } else { Err(reader.faults) }
}

/// What has been found so far.
#[derive(Debug)]
struct Reader {
    pages: Vec<PageSource>,
    faults: Vec<Diagnostic>,
    /// Bytes of the pages so far.
    bytes: u64,
    /// No more than this are read.
    bytes_max: u64,
}

impl Reader {
    fn folder(&mut self, folder: &Path) {
        for (name, path) in self.list(folder) {
            if !path.is_dir() {
                if name::page(&name).is_some() {
                    let hint = "move it into a folder, whose name is its pack";
                    self.fault("no-pack", &path, "the page is in no pack", hint);
                }
            } else if let Err(message) = name::word(&name) {
                self.fault("pack-name", &path, message, "rename the folder");
            } else {
                self.pack(&name, &path);
            }
        }
    }

    fn pack(&mut self, pack: &str, folder: &Path) {
        for (file, path) in self.list(folder) {
            match name::page(&file) {
                None => {}
                Some(Err(message)) => self.fault("page-name", &path, message, "rename the file"),
                Some(Ok(PageName { name, lang })) => {
                    let Some(text) = self.page(&path) else { continue };
                    self.pages.push(PageSource {
                        pack: pack.to_owned(),
                        name: name.to_owned(),
                        lang: lang.parse().unwrap_or(Lang::En),
                        page: PageText { path: path.display().to_string(), text: text.into() },
                    });
                }
            }
        }
    }

    fn page(&mut self, path: &Path) -> Option<String> {
        if self.bytes > self.bytes_max {
            return None;
        }
        // Looked at before it is opened: opening a pipe would wait for its writer.
        let read = fs::metadata(path).and_then(|meta| {
            let page = meta.is_file() && meta.len() <= PAGE_BYTES_MAX;
            if page { fs::read(path).map(Some) } else { Ok(None) }
        });
        let bytes = match read {
            Ok(Some(bytes)) => bytes,
            Ok(None) => {
                let message = format!("not a file of at most {} KiB", PAGE_BYTES_MAX >> 10);
                self.fault("unreadable", path, message, "move it out of the pack");
                return None;
            }
            Err(error) => {
                let message = format!("cannot read the page: {error}");
                self.fault("unreadable", path, message, "check who may read it");
                return None;
            }
        };
        self.bytes += bytes.len() as u64;
        if self.bytes > self.bytes_max {
            let message =
                format!("with this page those of the folder are more than {} MiB", self.bytes_max >> 20);
            self.fault("too-many-pages", path, message, "check that this is the right folder");
            return None;
        }
        String::from_utf8(bytes)
            .map_err(|error| {
                let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
                let line = 1 + good.iter().filter(|&&byte| byte == b'\n').count();
                self.fault("not-utf8", path, format!("line {line} is not UTF-8"), "save the page as UTF-8");
            })
            .ok()
    }

    /// Names and paths in a folder, in byte order, hidden ones left out.
    fn list(&mut self, folder: &Path) -> Vec<(String, PathBuf)> {
        let entries = fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let entries = entries.unwrap_or_else(|error| {
            let message = format!("cannot read the folder: {error}");
            self.fault("unreadable", folder, message, "check that it is there and who may read it");
            Vec::new()
        });
        let named =
            entries.into_iter().map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()));
        let mut found: Vec<_> = named.filter(|(name, _)| !name.starts_with('.')).collect();
        found.sort();
        found
    }

    fn fault(&mut self, code: &'static str, path: &Path, message: impl Into<String>, hint: &str) {
        let fault = Diagnostic::of_file(code, &path.display().to_string(), message.into());
        self.faults.push(Diagnostic { hint: Some(hint.to_owned()), ..fault });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (file, bytes) in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        folder
    }

    #[test]
    fn pages_are_found_in_the_order_of_their_paths() {
        let folder = folder(&[
            ("b-pack/two.zh.md", "二".as_bytes()),
            ("b-pack/two.md", b"two"),
            ("a-pack/one.md", b"one"),
            ("a-pack/picture.png", b"\xff"),
            ("a-pack/README.md", b"about"),
            ("a-pack/.hidden.md", b"x"),
            (".git/x.md", b"x"),
            ("README.md", b"about"),
            ("LICENSE", b"free"),
        ]);
        let pages = read_folder(folder.path()).unwrap();
        let shown: Vec<_> = pages.iter().map(|page| (page.id(), page.lang, &*page.page.text)).collect();
        assert_eq!(
            shown,
            [
                ("a-pack/one".to_owned(), Lang::En, "one"),
                ("b-pack/two".to_owned(), Lang::En, "two"),
                ("b-pack/two".to_owned(), Lang::Zh, "二"),
            ]
        );
        assert!(pages[0].page.path.ends_with("a-pack/one.md"));
    }

    #[test]
    fn what_cannot_be_a_page_is_reported_together() {
        let folder = folder(&[
            ("Big Pack/one.md", b"x"),
            ("good/BAD.md", b"x"),
            ("good/latin.md", b"a\nb\xe9\n"),
            ("good/one.fr.md", b"x"),
            ("good/dir.md/inner", b"x"),
            ("loose.md", b"x"),
        ]);
        let faults = read_folder(folder.path()).unwrap_err();
        let shown: Vec<_> = faults
            .iter()
            .map(|fault| {
                assert!(fault.hint.is_some(), "{fault}");
                let path = Path::new(&fault.path).strip_prefix(folder.path()).unwrap();
                (fault.code, path.to_str().unwrap())
            })
            .collect();
        assert_eq!(
            shown,
            [
                ("pack-name", "Big Pack"),
                ("page-name", "good/BAD.md"),
                ("unreadable", "good/dir.md"),
                ("not-utf8", "good/latin.md"),
                ("page-name", "good/one.fr.md"),
                ("no-pack", "loose.md"),
            ]
        );
        assert!(faults[3].message.starts_with("line 2 "));
    }

    #[test]
    fn a_folder_that_is_too_large_is_one_fault() {
        let folder = folder(&[("a/one.md", b"12345"), ("a/two.md", b"12345"), ("b/three.md", b"12345")]);
        assert_eq!(read_folder_of(folder.path(), 15).unwrap().len(), 3);
        for (bytes_max, page) in [(14, "b/three.md"), (9, "a/two.md"), (4, "a/one.md")] {
            let faults = read_folder_of(folder.path(), bytes_max).unwrap_err();
            assert_eq!((faults.len(), faults[0].code), (1, "too-many-pages"));
            assert!(faults[0].path.ends_with(page), "{}", faults[0]);
        }
    }

    #[test]
    fn a_missing_folder_is_reported() {
        let faults = read_folder(Path::new("/nonexistent/packs")).unwrap_err();
        assert_eq!((faults[0].code, &*faults[0].path), ("unreadable", "/nonexistent/packs"));
    }
}
