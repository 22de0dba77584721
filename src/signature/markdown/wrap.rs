//! Breaks words into lines. Chinese has no spaces: a line may end between any two wide
//! characters, but not before a closing mark or after an opening one.

use anstyle::Style;

/// A character and how it looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Glyph {
    pub c: char,
    pub style: Style,
}

/// Breaks `glyphs` into lines of at most `width` columns. What cannot be broken may be wider.
pub(super) fn wrap(glyphs: &[Glyph], width: usize) -> Vec<Vec<Glyph>> {
    let mut lines = Vec::new();
    for paragraph in glyphs.split(|glyph| glyph.c == '\n') {
        let mut line: Vec<Glyph> = Vec::new();
        let mut taken = 0;
        for part in paragraph.chunk_by(|one, next| !may_break(one.c, next.c)) {
            let word = trim(part);
            let columns_of = |glyphs: &[Glyph]| glyphs.iter().map(|glyph| columns(glyph.c)).sum::<usize>();
            if taken + columns_of(word) > width && taken > 0 {
                lines.push(trim(&line).to_vec());
                line.clear();
                taken = 0;
            }
            line.extend(part);
            taken += columns_of(part);
        }
        if !trim(&line).is_empty() {
            lines.push(trim(&line).to_vec());
        }
    }
    lines
}

/// Columns that a character takes.
pub fn columns(c: char) -> usize {
    match u32::from(c) {
        0x0300..=0x036f | 0x200b..=0x200f | 0xfe00..=0xfe0f => 0,
        0x1100..=0x115f
        | 0x2e80..=0x303e
        | 0x3041..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1f300..=0x1f64f
        | 0x1f900..=0x1f9ff
        | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

fn may_break(one: char, next: char) -> bool {
    const CLOSING: &str = "，。、；：！？）」』】》〉”’…,.;:!?)]}";
    const OPENING: &str = "（「『【《〈“‘([{";
    if next == ' ' {
        return false;
    }
    one == ' '
        || (columns(one) == 2 || columns(next) == 2) && !CLOSING.contains(next) && !OPENING.contains(one)
}

/// Without the spaces at the end.
fn trim(glyphs: &[Glyph]) -> &[Glyph] {
    let end = glyphs.iter().rposition(|glyph| glyph.c != ' ').map_or(0, |last| last + 1);
    &glyphs[..end]
}
