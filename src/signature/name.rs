//! How pages are named: `<pack>/<name>.md`, and `<pack>/<name>.zh.md` for a translation.
//!
//! The build script compiles this file too, so pages that are built in and pages from the
//! operator's folders follow one rule. It therefore imports nothing of the crate.

/// Languages that a translation may be named after.
const TRANSLATIONS: [&str; 1] = ["zh"];

/// What the name of a page's file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageName<'f> {
    /// The name of the signature within its pack.
    pub name: &'f str,
    /// The language: `en` where the file names none.
    pub lang: &'f str,
}

/// Reads the name of a file in a pack; `None` for what is no page: a `README.md`, a hidden file,
/// or another kind of file.
///
/// # Errors
///
/// A sentence that names what is wrong.
pub fn page(file: &str) -> Option<Result<PageName<'_>, String>> {
    if file == "README.md" || file.starts_with('.') {
        return None;
    }
    let stem = file.strip_suffix(".md")?;
    let (name, lang) = stem.rsplit_once('.').unwrap_or((stem, "en"));
    if stem.contains('.') && !TRANSLATIONS.contains(&lang) {
        let known = TRANSLATIONS.join(", ");
        return Some(Err(format!("`{file}` names the language `{lang}`: translations are {known}")));
    }
    Some(word(name).map(|()| PageName { name, lang }))
}

/// Checks the name of a pack or a signature.
///
/// # Errors
///
/// A sentence that names what is wrong.
pub fn word(name: &str) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !name.is_empty() && name.chars().all(plain) {
        return Ok(());
    }
    Err(format!("`{name}` is not a name: use only a-z, 0-9 and -"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::alert::Lang;

    #[test]
    fn names() {
        let good = |name, lang| Some(Ok(PageName { name, lang }));
        assert_eq!(page("gpu-oom.md"), good("gpu-oom", "en"));
        assert_eq!(page("gpu-oom.zh.md"), good("gpu-oom", "zh"));
        for skipped in ["README.md", ".hidden.md", "notes.txt", "gpu-oom"] {
            assert_eq!(page(skipped), None, "{skipped}");
        }
        for bad in ["GPU.md", "gpu oom.md", "gpu.fr.md", "gpu.en.md", "a.b.zh.md", ".md.md", "错误.md"] {
            assert!(!matches!(page(bad), Some(Ok(_))), "{bad}");
        }
    }

    #[test]
    fn every_language_but_english_is_a_translation() {
        let others = Lang::ALL.into_iter().filter(|&lang| lang != Lang::En).map(Lang::name);
        assert!(others.eq(TRANSLATIONS));
    }
}
