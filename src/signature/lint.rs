//! The rules of a good page that reading it shows.
//!
//! Those that need its samples to be run (they fire, yield their fields and fire nothing else) are
//! not here.

use std::ops::Range;

use super::name;
use super::near;
use super::page::{Page, PageSample, PageStep, Section};
use super::placeholder;
use super::spec::{Spec, check_field};
use super::{Runbook, SampleKind, Step};
use crate::base::diagnostic::{Text, did_you_mean};

/// Checks the parts of an English page, apart from its header. A check of the doctor has no samples.
pub(super) fn page(text: &Text<'_>, page: &Page, is_check: bool) {
    title(text, page);
    if is_check {
        sections(text, page, &Section::OF_CHECK, &Section::OF_CHECK);
    } else {
        sections(text, page, &Section::ALL, &Section::MANDATORY);
    }
    body(text, page);
    let sampled = [
        (SampleKind::Fires, Section::Fires),
        (SampleKind::Silent, Section::Silent),
        (SampleKind::Ends, Section::Ends),
    ];
    for (kind, section) in sampled {
        let sampled = page.samples.iter().any(|one| one.sample.kind == kind);
        if let Some(heading) = page.heading(section).filter(|_| !sampled) {
            text.fault("no-sample", heading, "the section has no block marked `log`");
        }
    }
    links(text, page);
}

/// Checks how the parts of an English page and its header fit.
pub(super) fn header(text: &Text<'_>, page: &Page, spec: &Spec) {
    for PageStep { command, .. } in &page.steps {
        for found in placeholder::find(&text.text()[command.clone()]) {
            if !spec.is_placeholder(found.name) {
                let span = command.start + found.span.start..command.start + found.span.end;
                let message = format!("nothing fills the placeholder `{}`", found.name);
                let hint = spec.near(found.name).unwrap_or_else(|| {
                    format!(
                        "capture it in `[fields]`, or let operators set it: `vars = [\"{}\"]`",
                        found.name
                    )
                });
                text.fault_hint("unknown-placeholder", span, message, hint);
            }
        }
    }
    for sample in &page.samples {
        assertions(text, spec, sample);
        if sample.sample.kind == SampleKind::Silent && !proves_something(spec, &sample.sample.text) {
            let (message, hint) = if spec.anchor_decides() {
                (
                    "the sample has less than half of any anchor's words",
                    "choose a line that is closer to a match",
                )
            } else {
                (
                    "the sample contains no anchor",
                    "choose a line that an anchor finds and another rule rejects",
                )
            };
            text.fault_hint("weak-silent", sample.sample.span.clone(), message, hint);
        }
    }
    ends(text, page, spec);
    let fires = || page.samples.iter().filter(|one| one.sample.kind == SampleKind::Fires);
    for capture in spec.captures.iter().flatten() {
        let asserted = fires().any(|one| one.sample.fields.iter().any(|(name, _)| *name == capture.value));
        if !asserted {
            let message = format!("no sample that fires asserts `{}`", capture.value);
            let hint = format!("say what it yields: ```log {}=…", capture.value);
            text.fault_hint("unasserted-field", capture.span.clone(), message, hint);
        }
    }
}

/// Checks that a state shows what ends it, and nothing else does.
fn ends(text: &Text<'_>, page: &Page, spec: &Spec) {
    match (&spec.until, page.heading(Section::Ends)) {
        (Some(_), None) => {
            let hint = "add `## Ends` with a record that ends it";
            text.fault_hint("no-section", 0..0, "the page has `[until]` and no section `## Ends`", hint);
        }
        (None, Some(heading)) => {
            let hint = "say what ends it: `[until]` with `literals`";
            text.fault_hint("until", heading, "only a state ends, and the page has no `[until]`", hint);
        }
        _ => {}
    }
}

/// Checks a translation against its English page.
pub(super) fn translation(text: &Text<'_>, page: &Page, english: Option<&Runbook>) {
    title(text, page);
    if let Some(fence) = page.first_fence.as_ref().filter(|fence| is_toml(text, fence.info.clone())) {
        let message = "only the English page has a header";
        text.fault("translated-header", fence.line.clone(), message);
    }
    sections(text, page, &[Section::Action], &[Section::Action]);
    body(text, page);
    if let Some(span) = differing_command(page, english) {
        let hint = "repeat the commands as they are, in their order, with their `caution`";
        text.fault_hint("translated-command", span, "the commands differ from the English page", hint);
    }
}

/// The first command that is not the English one, or the heading where the last ones are missing.
fn differing_command(page: &Page, english: Option<&Runbook>) -> Option<Range<usize>> {
    let command = |step: &Step| step.command.clone().map(|command| (command, step.caution));
    let mut wanted = english.iter().flat_map(|english| &english.steps).filter_map(command);
    for one in page.steps.iter().filter(|one| one.step.command.is_some()) {
        if wanted.next() != command(&one.step) {
            return Some(one.command.clone());
        }
    }
    wanted.next().and_then(|_| page.heading(Section::Action))
}

fn title(text: &Text<'_>, page: &Page) {
    if page.titles.first().is_none_or(|title| title.value.is_empty()) {
        text.fault("no-title", 0..0, "the page has no `# title`");
    }
    for second in page.titles.iter().skip(1) {
        text.fault("second-title", second.span.clone(), "the page has a title already");
    }
    for stray in &page.stray {
        let message = "text before the meaning is never shown";
        text.fault_hint("stray-text", stray.clone(), message, "the order is title, `toml` block, meaning");
    }
}

fn sections(text: &Text<'_>, page: &Page, known: &[Section], mandatory: &[Section]) {
    let names = || known.iter().map(|section| section.name());
    for (index, (section, heading)) in page.sections.iter().enumerate() {
        if section.is_none_or(|section| !known.contains(&section)) {
            let message = format!("unknown section `{}`", heading.value);
            let hint = did_you_mean(&heading.value, names())
                .unwrap_or_else(|| format!("the sections are {}", names().collect::<Vec<_>>().join(", ")));
            text.fault_hint("unknown-section", heading.span.clone(), message, hint);
        } else if page.sections[..index].iter().any(|(earlier, _)| earlier == section) {
            text.fault("second-section", heading.span.clone(), "the page has this section already");
        }
    }
    for section in mandatory {
        if page.heading(*section).is_none() {
            text.fault("no-section", 0..0, format!("the page has no section `## {}`", section.name()));
        }
    }
}

fn body(text: &Text<'_>, page: &Page) {
    if page.meaning.is_empty() {
        let title = page.titles.first().map_or(0..0, |title| title.span.clone());
        text.fault("no-meaning", title, "the page has no meaning");
    }
    if let Some(heading) = page.heading(Section::Action).filter(|_| page.steps.is_empty()) {
        text.fault("no-step", heading, "the action has no step");
    }
}

fn links(text: &Text<'_>, page: &Page) {
    if let Some(heading) = page.heading(Section::References).filter(|_| page.links.is_empty()) {
        text.fault("no-link", heading, "the references have no link");
    }
    for link in &page.links {
        if !link.value.url.starts_with("https://") && !link.value.url.starts_with("http://") {
            let hint = "alerts carry the links away from the page: write it whole, with `https://`";
            text.fault_hint(
                "link",
                link.span.clone(),
                format!("`{}` is not a web address", link.value.url),
                hint,
            );
        }
    }
}

fn assertions(text: &Text<'_>, spec: &Spec, sample: &PageSample) {
    for assertion in &sample.assertions {
        let span = assertion.span.clone();
        if assertion.name == "also" {
            if !is_id(&assertion.value) {
                let message = format!("`{}` is not the id of a signature: `pack/name`", assertion.value);
                text.fault("also", span, message);
            }
        } else if sample.sample.kind == SampleKind::Silent {
            text.fault("silent-field", span, "a sample that stays silent yields no field");
        } else {
            check_field(text, spec, &assertion.name, span, "log");
        }
    }
}

/// Whether staying silent on `sample` says anything about the signature.
fn proves_something(spec: &Spec, sample: &str) -> bool {
    let holds = |anchor: &str| sample.contains(anchor);
    spec.anchors
        .iter()
        .any(|anchor| holds(&anchor.value) || (spec.anchor_decides() && near::is_near(&anchor.value, sample)))
}

fn is_id(text: &str) -> bool {
    text.split_once('/').is_some_and(|(pack, name)| name::word(pack).is_ok() && name::word(name).is_ok())
}

/// Whether the info string in these bytes marks a header.
pub(super) fn is_toml(text: &Text<'_>, info: Range<usize>) -> bool {
    text.text()[info].split_whitespace().next() == Some("toml")
}
