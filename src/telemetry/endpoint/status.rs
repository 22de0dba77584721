//! The status page: health, sources and sinks, for a person with a browser. In both languages, each marked with `lang`,
//! since a browser chooses the form of a character by it; without a script.

use std::fmt::Write as _;
use std::time::Instant;

use crate::base::duration;
use crate::base::text::{clean_line, html};
use crate::telemetry::Telemetry;

/// The content security policy: a browser shows the page and loads nothing.
pub(super) const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

const STYLE: &str = "
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 46rem; margin: 2rem auto; padding: 0 1rem; overflow-wrap: anywhere }
h1 { font-size: 1.5rem; margin: 0 }
h1 + small + p { margin: 1.5rem 0; padding: .75rem 1rem; border-left: .3rem solid; background: #8881 }
small, th { font-weight: normal; opacity: .7 }
table { width: 100%; margin: 2rem 0; border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { text-align: right; vertical-align: top; padding: .4rem 0 .4rem .75rem; border-bottom: 1px solid #8884; overflow-wrap: normal }
th { font-size: .8rem; line-height: 1.3; vertical-align: bottom }
th:first-child, td:first-child { text-align: left; padding-left: 0; overflow-wrap: anywhere }
a { color: inherit; margin-right: 1rem }
.well { color: light-dark(#1a7f37, #4ac26b) } .ill { color: light-dark(#cf222e, #ff7b72) }
@media (max-width: 30rem) { td { font-size: .9rem } th { font-size: .75rem } }
";

/// The page of the box `host`, as things are `now`.
pub(super) fn page(host: &str, telemetry: &Telemetry, now: Instant) -> String {
    let (meter, health) = (telemetry.meter(), telemetry.health());
    let (host, version) = (escape(host), env!("CARGO_PKG_VERSION"));
    let health = match health.healthy(now).and_then(|()| health.ready()) {
        Ok(()) => "<p class=\"well\">Healthy · <span lang=\"zh\">一切正常</span></p>".to_owned(),
        Err(why) => {
            format!("<p class=\"ill\">Not healthy · <span lang=\"zh\">不正常</span>: {}</p>", escape(&why))
        }
    };
    let sources = meter.sources(now).into_iter().map(|(source, level, lag)| {
        let behind = duration::show(std::time::Duration::from_secs(lag.as_secs()));
        (false, vec![source, level.files.to_string(), level.unread.to_string(), behind])
    });
    let kept = meter.outbox();
    let sinks = kept.iter().map(|(sink, kept)| {
        let counts = meter.sink(sink);
        let (ill, state) = match (counts.parked.get(), counts.failing.get()) {
            (true, _) => (true, "parked · 已停用"),
            (false, true) => (true, "failing · 失败中"),
            (false, false) => (false, "ok · 正常"),
        };
        let numbers = [kept.waiting, kept.dead, counts.delivered.get()].map(|number| number.to_string());
        (ill, [vec![sink.clone(), state.to_owned()], numbers.to_vec()].concat())
    });
    let sources =
        table(["Source · 来源", "Files · 文件", "Unread bytes · 未读字节", "Behind · 落后"], sources);
    let sinks = table(
        ["Sink · 接收方", "State · 状态", "Waiting · 待发", "Refused · 被拒", "Delivered · 已送达"],
        sinks,
    );
    let open = meter.open_alerts.get();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<meta http-equiv=\"refresh\" content=\"15\">\n\
         <title>sealtail · {host}</title>\n<style>{STYLE}</style>\n\
         <h1>{host}</h1>\n<small>sealtail {version}</small>\n{health}\n\
         <p>Open alerts · <span lang=\"zh\">未解除的告警</span>: <b>{open}</b></p>\n{sources}{sinks}\
         <p><small><a href=\"metrics\">/metrics</a><a href=\"healthz\">/healthz</a><a href=\"readyz\">/readyz</a></small></p>\n"
    )
}

/// A table; its first column names the rows, of which some are ill. Each language has a line of its
/// own, for a phone is narrow.
fn table<const N: usize>(heads: [&str; N], rows: impl Iterator<Item = (bool, Vec<String>)>) -> String {
    let cells = |name: &str, cells: &[String]| {
        cells.iter().fold(String::new(), |mut row, cell| {
            let cell = match cell.split_once(" · ") {
                Some((english, chinese)) => {
                    format!("{}<br><span lang=\"zh\">{}</span>", escape(english), escape(chinese))
                }
                None => escape(cell),
            };
            // Writing to a string cannot fail.
            let _ = write!(row, "<{name}>{cell}</{name}>");
            row
        })
    };
    let heads = cells("th", &heads.map(str::to_owned));
    let row = |(ill, row): (bool, Vec<String>)| {
        let class = if ill { " class=\"ill\"" } else { "" };
        format!("<tr{class}>{}</tr>\n", cells("td", &row))
    };
    let rows = rows.map(row).collect::<String>();
    format!("<table>\n<tr>{heads}</tr>\n{rows}</table>\n")
}

/// The text as it stands in a page, on one line.
fn escape(text: &str) -> String {
    html(&clean_line(text))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::telemetry::meter::{Kept, Level};

    #[test]
    fn it_shows_what_is_counted_and_no_name_comes_alive() {
        let (telemetry, start) = (Telemetry::default(), Instant::now());
        let now = start + Duration::from_secs(90);
        let meter = telemetry.meter();
        let evil = "<script>\u{202e}\"&";
        let level = |unread| Level { files: 4, open: 2, unread };
        meter.see_sources([("worker".to_owned(), level(0)), (evil.to_owned(), level(0))].into(), start);
        meter.see_sources([("worker".to_owned(), level(77)), (evil.to_owned(), level(0))].into(), now);
        meter.see_outbox([("ops".to_owned(), Kept { waiting: 21, dead: 14 })].into());
        meter.sink("ops").delivered.add(11);
        meter.sink("ops").parked.set(true);
        meter.open_alerts.set(5);
        telemetry.health().progress(now);
        let shown = page("seal-07", &telemetry, now);
        for expected in [
            "<title>sealtail · seal-07</title>",
            concat!("<small>sealtail ", env!("CARGO_PKG_VERSION"), "</small>"),
            "Not healthy · <span lang=\"zh\">不正常</span>: the first scan of the files is not complete",
            "Open alerts · <span lang=\"zh\">未解除的告警</span>: <b>5</b>",
            "<tr><td>worker</td><td>4</td><td>77</td><td>1m30s</td></tr>",
            "<tr><td>&lt;script&gt;&quot;&amp;</td><td>4</td><td>0</td><td>0s</td></tr>",
            "<tr class=\"ill\"><td>ops</td><td>parked<br><span lang=\"zh\">已停用</span></td><td>21</td><td>14</td><td>11</td></tr>",
        ] {
            assert!(shown.contains(expected), "{expected}\n{shown}");
        }
        assert!(!shown.contains("<script") && !shown.contains('\u{202e}'), "{shown}");
        telemetry.health().set_ready();
        assert!(page("seal-07", &telemetry, now).contains("Healthy · <span lang=\"zh\">一切正常"));
        let ill = page("seal-07", &telemetry, now + Duration::from_secs(60));
        assert!(
            ill.contains("class=\"ill\"") && ill.contains("reading has made no progress for 1m"),
            "{ill}"
        );
    }
}
