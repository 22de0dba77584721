//! How near a text comes to an anchor that does not stand in it.

/// Whether at least half of the words of `anchor` stand in `text`.
pub fn is_near(anchor: &str, text: &str) -> bool {
    let present: Vec<&str> = words(text).collect();
    let wanted = words(anchor).count();
    let found = words(anchor).filter(|word| present.contains(word)).count();
    wanted > 0 && 2 * found >= wanted
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}
