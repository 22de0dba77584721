//! The language of an answer: `?lang=zh`, else what the browser prefers, else that of the configuration.

use crate::model::alert::Lang;

/// The language for a request with this query and this `Accept-Language`.
pub(super) fn choose(query: Option<&str>, accepts: Option<&str>, configured: Lang) -> Lang {
    let asked = query.into_iter().flat_map(|query| query.split('&'));
    let asked = asked.filter_map(|pair| pair.strip_prefix("lang=")).find_map(|lang| lang.parse().ok());
    asked.or_else(|| preferred(accepts?)).unwrap_or(configured)
}

/// The language that a header wants most; of equals, the first.
fn preferred(header: &str) -> Option<Lang> {
    let mut best: Option<(Lang, f32)> = None;
    for range in header.split(',') {
        let mut parts = range.split(';').map(str::trim);
        let tag = parts.next().unwrap_or_default().to_ascii_lowercase();
        let lang = tag.split('-').next().and_then(|primary| primary.parse::<Lang>().ok());
        let weight = parts.find_map(|part| part.strip_prefix("q=")?.trim().parse().ok()).unwrap_or(1.0);
        if let Some(lang) = lang
            && weight > best.map_or(0.0, |(_, weight)| weight)
        {
            best = Some((lang, weight));
        }
    }
    best.map(|(lang, _)| lang)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_is_before_the_browser_and_that_before_the_configuration() {
        use Lang::{En, Zh};
        for (query, accepts, configured, expected) in [
            (None, None, En, En),
            (None, None, Zh, Zh),
            (Some("lang=zh"), Some("en"), En, Zh),
            (Some("a=b&lang=en"), Some("zh"), Zh, En),
            (Some("lang=fr"), Some("zh-CN,zh;q=0.9,en;q=0.8"), En, Zh),
            (Some("lang="), None, Zh, Zh),
            (None, Some("zh-Hans-CN"), En, Zh),
            (None, Some("ZH"), En, Zh),
            (None, Some("en-US,en;q=0.9"), Zh, En),
            (None, Some("fr, zh;q=0.3, en;q=0.5"), Zh, En),
            (None, Some("de;q=1, zh ; q=0.1"), En, Zh),
            (None, Some("zh;q=0"), En, En),
            (None, Some("zh;q=nan, fr"), En, En),
            (None, Some("fr, *"), Zh, Zh),
            (None, Some(""), Zh, Zh),
        ] {
            assert_eq!(choose(query, accepts, configured), expected, "{query:?} {accepts:?}");
        }
    }
}
