//! From the texts of pages to a [`Catalogue`]: one way for the built-in pages and the operator's.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::page::{self, Page};
use super::pages::{Pages, Said};
use super::spec::{self, Spec, Trust};
use super::{Catalogue, PageText, Pattern, Signature, lint};
use crate::base::diagnostic::{Diagnostic, Text};
use crate::model::alert::Lang;

/// Signatures that a catalogue may hold: fifty times what is built in.
pub const SIGNATURES_MAX: usize = 10_000;
/// Literals of all signatures that are looked for in every byte.
pub const LITERALS_MAX: usize = 100_000;
/// Bytes of these literals together: an automaton of them takes a hundred times as much memory.
pub const LITERAL_BYTES_MAX: usize = 4 << 20;

/// A page that has been read and not been looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageSource {
    /// The folder it stands in.
    pub pack: String,
    /// Its name within the pack.
    pub name: String,
    /// Its language.
    pub lang: Lang,
    /// The path, for messages, and the Markdown.
    pub page: PageText,
}

impl PageSource {
    /// The id of the signature it describes.
    pub fn id(&self) -> String {
        format!("{}/{}", self.pack, self.name)
    }
}

impl Catalogue {
    /// Reads and checks pages.
    ///
    /// A later page replaces an earlier one of the same id: the operator's come after the built-in
    /// ones. A new English page also replaces the translations before it. Ids that `disable`
    /// matches are left out, and their faults with them. A page with a fault is reported and left
    /// out. With more pages than a catalogue may hold none is read; with more literals, those beyond
    /// are left out.
    pub fn load(
        pages: impl IntoIterator<Item = PageSource>,
        disable: &[glob::Pattern],
    ) -> (Catalogue, Vec<Diagnostic>) {
        Catalogue::load_trusting(pages.into_iter().map(|page| (page, Trust::Untested)), disable)
    }

    /// The same, for pages of which something is known.
    pub fn load_trusting(
        pages: impl IntoIterator<Item = (PageSource, Trust)>,
        disable: &[glob::Pattern],
    ) -> (Catalogue, Vec<Diagnostic>) {
        let mut by_id: BTreeMap<String, (Trust, BTreeMap<Lang, PageText>)> = BTreeMap::new();
        for (source, trust) in pages {
            let id = source.id();
            if disable.iter().any(|pattern| pattern.matches(&id)) {
                continue;
            }
            let (known, texts) = by_id.entry(id).or_insert((trust, BTreeMap::new()));
            if source.lang == Lang::En && texts.contains_key(&Lang::En) {
                texts.clear();
                *known = trust;
            }
            if trust == Trust::Untested {
                *known = Trust::Untested;
            }
            texts.insert(source.lang, source.page);
        }
        if let Some((id, (_, texts))) = by_id.iter().nth(SIGNATURES_MAX) {
            return (Catalogue::default(), vec![too_many_signatures(by_id.len(), id, texts)]);
        }
        let mut faults = Vec::new();
        let read = |(id, (trust, texts)): (String, _)| signature(&id, texts, trust, &mut faults);
        let mut signatures: Vec<Signature> = by_id.into_iter().filter_map(read).collect();
        faults.extend(cut_literals(&mut signatures));
        share_patterns(&mut signatures);
        (Catalogue::new(signatures), faults)
    }
}

/// Many pages ask for the same field in the same words: it is compiled once for all of them.
fn share_patterns(signatures: &mut [Signature]) {
    let mut known: HashMap<String, Pattern> = HashMap::new();
    for signature in signatures {
        let fields = signature.fields.iter_mut().map(|(_, pattern)| pattern);
        for pattern in fields.chain(&mut signature.regex) {
            *pattern = known.entry(pattern.source().to_owned()).or_insert_with(|| pattern.clone()).clone();
        }
    }
}

fn too_many_signatures(count: usize, id: &str, texts: &BTreeMap<Lang, PageText>) -> Diagnostic {
    let path = texts.values().next().map_or(id, |page| &page.path);
    let message = format!("{count} signatures are more than the limit of {SIGNATURES_MAX}");
    let fault = Diagnostic::of_file("too-many-signatures", path, message);
    Diagnostic { hint: Some("name fewer folders, or `disable` some".to_owned()), ..fault }
}

/// Leaves out the signatures whose literals are beyond what is searched for; the fault, if there are any.
fn cut_literals(signatures: &mut Vec<Signature>) -> Option<Diagnostic> {
    let (mut count, mut bytes) = (0, 0);
    let beyond = signatures.iter().position(|signature| {
        let ends = signature.until.iter().flat_map(|until| &until.literals);
        for literal in signature.anchors.iter().chain(ends) {
            (count, bytes) = (count + 1, bytes + literal.len());
        }
        count > LITERALS_MAX || bytes > LITERAL_BYTES_MAX
    })?;
    let path = signatures[beyond].pages.text(Lang::En).map_or(&*signatures[beyond].id, |page| &page.path);
    let most = format!("{LITERALS_MAX} of {} MiB together", LITERAL_BYTES_MAX >> 20);
    let message = format!("with this page the anchors are {count} of {bytes} bytes, more than {most}");
    let fault = Diagnostic::of_file("too-many-anchors", path, message);
    signatures.truncate(beyond);
    Some(Diagnostic { hint: Some("leave to a `regex` what tells one case from another".to_owned()), ..fault })
}

/// One signature out of its pages.
fn signature(
    id: &str,
    texts: BTreeMap<Lang, PageText>,
    trust: Trust,
    faults: &mut Vec<Diagnostic>,
) -> Option<Signature> {
    let Some(english) = texts.get(&Lang::En) else {
        faults.extend(texts.values().map(|page| {
            let message = format!("`{id}` has a translation and no English page");
            Diagnostic::of_file("no-english", &page.path, message)
        }));
        return None;
    };
    if trust == Trust::Tested
        && let Some(spec) = header(english)
    {
        return build(id, spec, Pages::unread(texts));
    }
    let (spec, said) = checked(&texts, english, faults)?;
    build(id, spec, Pages::read(texts, said))
}

/// The header of a page without a fault; `None` where only reading the whole page shows where it is.
fn header(page: &PageText) -> Option<Spec> {
    let text = Text::new(&page.path, &page.text);
    let spec = spec::read(&text, page::header(&page.text)?, Trust::Tested);
    text.into_faults().is_empty().then_some(spec)
}

/// What the pages come to. A translation with a fault is left out, and where the English page has one, all.
fn checked(
    texts: &BTreeMap<Lang, PageText>,
    english: &PageText,
    faults: &mut Vec<Diagnostic>,
) -> Option<(Spec, Said)> {
    let (spec, page) = english_page(english).map_err(|found| faults.extend(found)).ok()?;
    let mut said = Said::default();
    said.add(Lang::En, page);
    for (&lang, page) in texts.iter().filter(|(lang, _)| **lang != Lang::En) {
        match translation(page, lang, &said) {
            Ok(page) => said.add(lang, page),
            Err(found) => faults.extend(found),
        }
    }
    Some((spec, said))
}

fn english_page(source: &PageText) -> Result<(Spec, Page), Vec<Diagnostic>> {
    let text = Text::new(&source.path, &source.text);
    let page = page::read(&text, Lang::En);
    let header = page.first_fence.as_ref().filter(|fence| lint::is_toml(&text, fence.info.clone()));
    let spec = header.map(|fence| spec::read(&text, fence.inside.clone(), Trust::Untested));
    let is_check = spec.as_ref().is_some_and(|spec| spec.check.is_some());
    lint::page(&text, &page, is_check);
    match &spec {
        Some(spec) => lint::header(&text, &page, spec),
        None => {
            let span = page.first_fence.as_ref().map_or(0..0, |fence| fence.line.clone());
            let message = "the first block of the page is not marked `toml`";
            text.fault_hint("no-header", span, message, "the header stands between title and meaning");
        }
    }
    let faults = text.into_faults();
    spec.filter(|_| faults.is_empty()).map(|spec| (spec, page)).ok_or(faults)
}

fn translation(source: &PageText, lang: Lang, said: &Said) -> Result<Page, Vec<Diagnostic>> {
    let text = Text::new(&source.path, &source.text);
    let page = page::read(&text, lang);
    lint::translation(&text, &page, said.english());
    let faults = text.into_faults();
    if faults.is_empty() { Ok(page) } else { Err(faults) }
}

fn build(id: &str, spec: Spec, pages: Pages) -> Option<Signature> {
    Some(Signature {
        id: Arc::from(id),
        severity: spec.severity?,
        components: spec.components,
        anchors: spec.anchors.into_iter().map(|anchor| anchor.value).collect(),
        all: spec.all,
        none: spec.none,
        regex: spec.regex,
        levels: spec.levels,
        group_by: spec.group_by,
        vars: spec.vars,
        fields: spec.fields,
        kinds: spec.kinds,
        writers: spec.writers,
        threshold: spec.threshold,
        fallback: spec.fallback,
        explains: spec.explains,
        until: spec.until,
        check: spec.check,
        pages,
    })
}
