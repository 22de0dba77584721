//! `--html`: a page for those who look at an incident afterwards.

use std::fs;
use std::path::Path;

use crate::program::{Ran, failure, healthy, run, run_with_input, text, worker_line};

/// The report on `log`, on standard output.
fn report(log: &str, more: &[&str]) -> String {
    run_with_input(&[&["replay", "-", "--html", "-"], more].concat(), log.as_bytes()).stdout
}

/// Panics unless every tag that needs an end has it, in order; gives the names of all tags.
fn tags(page: &str) -> Vec<&str> {
    const VOID: [&str; 5] = ["meta", "br", "input", "!doctype", "!--"];
    let mut open = Vec::new();
    let mut names = Vec::new();
    for part in page.split('<').skip(1) {
        let tag = &part[..part.find('>').unwrap()];
        let name = tag.split([' ', '\n', '/']).find(|word| !word.is_empty()).unwrap();
        names.push(name);
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "…{}", &part[..part.len().min(80)]);
        } else if !VOID.contains(&name) && !tag.ends_with('/') {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?}");
    names
}

#[test]
fn it_shows_every_failure_of_an_incident_in_both_languages() {
    let incident = text(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/incident"));
    let explained = run(&["replay", &incident]).stdout;
    let ids: Vec<&str> =
        explained.lines().filter_map(|line| line.split_once("sealtail explain ")).map(|(_, id)| id).collect();
    assert!(ids.len() > 5, "{ids:?}");
    for (lang, heading) in [("en", "<h3>What to do</h3>"), ("zh", "<h3>处理</h3>")] {
        let page = run(&["replay", &incident, "--html", "-", "--lang", lang]).stdout;
        tags(&page);
        assert!(page.matches(heading).count() >= ids.len());
        assert_eq!(page.matches("<svg").count(), 1 + ids.len());
        assert_eq!(page.matches("<section id=").count(), ids.len());
        let contents = page.split("class=\"contents\"").nth(1).unwrap();
        for id in &ids {
            let row =
                contents.split("<tr class=").find(|row| row.contains(&format!("href=\"#{id}\""))).unwrap();
            assert!(row.contains("<td>2022-12-2"), "{id}: {row}");
            assert!(page.contains(&format!("<section id=\"{id}\"")), "{id}");
        }
        assert!(page.contains("2022-12-27 20:24:38 – 2022-12-28 03:01:14 (+08:00)"));
        assert!(page.contains("worker --config=&lt;worker_config&gt; enable_dump"), "commands are filled in");
    }
}

/// The chapter of a failure in a page.
fn chapter<'p>(page: &'p str, id: &str) -> &'p str {
    let found = page.split("<section ").find(|chapter| chapter.starts_with(&format!("id=\"{id}\"")));
    found.unwrap_or_else(|| panic!("no chapter {id}")).split("</section>").next().unwrap()
}

#[test]
fn what_follows_stands_in_the_chapter_of_its_cause() {
    let incident = text(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/incident"));
    let page = run(&["replay", &incident, "--html", "-"]).stdout;
    let cause = chapter(&page, "venus-cluster/pc1-cpuset-cache-mismatch");
    assert!(cause.contains("<summary>34× <b>A sealing thread is paused"), "{cause}");
    assert!(!page.contains("no page knows"), "what is known is told by its page");
    let (first, later) = (cause, chapter(&page, "venus-cluster/mmap-zero-length"));
    let step = "See the thread’s sector";
    let step = if first.contains(step) { step } else { "See the thread's sector" };
    assert!(first.contains(step) && !later.contains(step), "the page of what follows is told once");
    assert!(later.contains("href=\"#venus-cluster/pc1-cpuset-cache-mismatch--venus-cluster/worker-paused\""));
}

#[test]
fn one_thread_or_sector_has_a_view_and_a_choice_of_its_own() {
    let incident = text(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/incident"));
    let page = run(&["replay", &incident, "--html", "-"]).stdout;
    let view = page.split("<details class=\"view\"").find(|view| view.contains("<b>worker-4</b>")).unwrap();
    let view = view.split("</details>").next().unwrap();
    let number = view.split("data-in=\"p").nth(1).unwrap().split('"').next().unwrap();
    for part in ["A file to be mapped is empty", "follows from", "24×", "02:16:59"] {
        assert!(view.contains(part), "{part}: {view}");
    }
    assert!(page.contains(&format!("body:has(#p{number}:checked) [data-in]:not([data-in~=\"p{number}\"])")));
    assert!(page.contains(&format!("<input type=\"radio\" name=\"p\" id=\"p{number}\"> worker-4")));
    let chapter = chapter(&page, "venus-cluster/mmap-zero-length");
    let places = chapter.split("data-in=\"").nth(1).unwrap().split('"').next().unwrap();
    assert!(places.split(' ').any(|place| place == format!("p{number}")), "{places}");
    assert!(page.contains("<input type=\"checkbox\" id=\"f-critical\" checked>"));
}

#[test]
fn it_says_where_and_when_it_was_made() {
    let page = report(&failure(1, 1), &["--tz", "UTC"]);
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    assert!(page.contains(&format!("<br>{host} · made 20")), "{page}");
    assert!(page.contains("2022-06-24 06:00:01 (UTC)"), "{page}");
}

#[test]
fn the_time_line_leads_to_the_chapters() {
    let page = report(&failure(1, 1), &[]);
    let chart = page.split("<svg").nth(1).unwrap().split("</svg>").next().unwrap();
    assert!(chart.contains("<a href=\"#venus-cluster/ext-unmarshal-response\"><rect"), "{chart}");
}

#[test]
fn it_is_whole_runs_nothing_and_asks_nobody() {
    let page = report(&failure(1, 7), &[]);
    let known = [
        "!doctype",
        "!--",
        "html",
        "meta",
        "title",
        "style",
        "h1",
        "h2",
        "h3",
        "p",
        "figure",
        "figcaption",
        "span",
        "svg",
        "g",
        "rect",
        "div",
        "table",
        "tr",
        "th",
        "td",
        "a",
        "b",
        "br",
        "code",
        "section",
        "ol",
        "ul",
        "li",
        "pre",
        "footer",
        "form",
        "label",
        "input",
        "details",
        "summary",
        "small",
        "em",
        "strong",
    ];
    for tag in tags(&page) {
        assert!(known.contains(&tag), "{tag}");
    }
    assert!(page.contains("default-src 'none'"));
    for asks in ["src=", "@import", "url(", "<link", "onclick"] {
        assert!(!page.contains(asks), "{asks}");
    }
}

#[test]
fn nothing_of_a_log_comes_alive_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let name = "a\"><img src=x onerror=x>\u{202e}.log";
    let hostile =
        "</pre><script>alert(1)</script>\u{1b}[2J\u{202e} token=sk-1234567890abcdef1234567890abcdef";
    let log = failure(1, 1).replace("'x'", hostile).replace("vc_", "module{name=\"x<img src=x>\"}: vc_");
    fs::write(folder.path().join(name), log).unwrap();
    let page = run(&["replay", &text(folder.path()), "--html", "-"]).stdout;
    tags(&page);
    assert!(!page.contains(['\u{1b}', '\u{202e}']) && !page.contains("<script") && !page.contains("<img"));
    assert!(page.contains("name=\"p\" id=\"p0\"> x&lt;img src=x&gt;</label>"), "a thread has any name");
    assert!(page.contains("&lt;/pre&gt;&lt;script&gt;"), "it is shown as it was written");
    assert!(page.contains("token=[redacted]") && !page.contains("1234567890abcdef"), "it will be sent on");
}

#[test]
fn a_quiet_log_says_so() {
    let page = report(&healthy(1), &[]);
    tags(&page);
    assert!(page.contains("<h1>No known failure</h1>") && page.contains("1 file, 1 line"), "{page}");
    assert!(report("", &["--lang", "zh"]).contains("没有发现已知故障"));
}

#[test]
fn of_many_findings_the_first_and_last_are_shown_and_all_counted() {
    // Not in the order of time, as rotated files are read.
    let log: String = (0..1_000).map(|number| failure((number * 7) % 1_000, number)).collect();
    let page = report(&log, &[]);
    tags(&page);
    assert!(page.contains("<h1>1 kind of failure, 1,000 findings</h1>"));
    assert!(page.contains("… 994 findings between"));
    let shown: Vec<&str> = page.split("<pre>2022-06-24T14:").skip(1).map(|record| &record[..5]).collect();
    assert_eq!(shown, ["00:00", "00:01", "00:02", "16:37", "16:38", "16:39"]);
    // 500 processes are told apart, and 12 of them shown.
    assert!(page.contains("… 988 findings of other groups"), "{page}");
}

#[test]
fn what_has_no_time_is_shown_without_one() {
    let page = report("thread 'main' panicked at 'x', src/a.rs:1:2\n", &[]);
    tags(&page);
    assert!(page.contains("<td>–</td><td>–</td>") && !page.contains("<svg"), "{page}");
}

#[test]
fn a_long_incident_and_a_wrong_date_have_one_chart() {
    for years in [1, 40, 7_000] {
        let late = failure(1, 2).replace("2022", &format!("{:04}", 2022 + years));
        let page = report(&(failure(1, 1) + &late), &[]);
        tags(&page);
        assert_eq!(page.matches("<title>").count(), 1 + 2, "{years}");
    }
}

#[test]
fn a_file_gets_the_report_and_standard_output_the_table() {
    let folder = tempfile::tempdir().unwrap();
    let (log, file) = (folder.path().join("worker.log"), folder.path().join("report.html"));
    fs::write(&log, failure(1, 1)).unwrap();
    let folder = text(folder.path());
    let replay = || -> Ran { run(&["replay", &folder, "--html", &text(&file)]) };
    let first = replay();
    assert_eq!((first.status, first.stdout.lines().count()), (0, 3), "{}", first.stdout);
    let page = fs::read_to_string(&file).unwrap();
    tags(&page);
    // The report stands among the logs now, and is none of them; it is replaced, also by a shorter one.
    fs::write(&log, healthy(1)).unwrap();
    let second = replay();
    assert!(second.stdout.contains("0 findings in 1 file"), "{}", second.stdout);
    assert!(fs::read_to_string(&file).unwrap().len() < page.len());
    tags(&fs::read_to_string(&file).unwrap());
    // With JSON there is JSON.
    let json = run(&["replay", &text(&log), "--json", "--html", &text(&file)]);
    assert_eq!(json.json().len(), 1);
}

#[test]
fn no_log_is_replaced_by_a_report() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (folder.path().join("a.log"), folder.path().join("b.log"));
    fs::write(&one, worker_line(1, "INFO", "one")).unwrap();
    fs::write(&other, worker_line(1, "INFO", "other")).unwrap();
    let ran = run(&["replay", &text(&one), "--html", &text(&other)]);
    assert_eq!(ran.status, 2);
    assert!(ran.stderr.contains("b.log already exists and is not a report of sealtail"), "{}", ran.stderr);
    assert_eq!(fs::read_to_string(&other).unwrap(), worker_line(1, "INFO", "other"));
}

#[test]
fn a_pipe_takes_a_report_too() {
    let ran = run_with_input(&["replay", "-", "--html", "/dev/stdout"], failure(1, 1).as_bytes());
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    let page = &ran.stdout[..ran.stdout.find("</html>").unwrap() + "</html>".len()];
    tags(page);
}

#[test]
fn a_report_that_cannot_be_written_is_known_before_anything_is_read() {
    let ran =
        run_with_input(&["replay", "-", "--html", "/nonexistent/report.html"], failure(1, 1).as_bytes());
    assert_eq!((ran.status, ran.stdout.as_str()), (2, ""));
    assert!(ran.stderr.contains("cannot write the report to /nonexistent/report.html"), "{}", ran.stderr);
    let ran = run_with_input(&["replay", "-", "--html", "-", "--json"], failure(1, 1).as_bytes());
    assert_eq!((ran.status, ran.stdout.as_str()), (2, ""));
    assert!(ran.stderr.contains("all write to standard output"), "{}", ran.stderr);
}

#[test]
fn all_times_are_in_one_zone() {
    let utc = failure(1, 2).replace("+08:00", "Z");
    let page = report(&(failure(1, 1) + &utc), &[]);
    assert!(page.contains("2022-06-24 14:00:01 – 2022-06-24 22:00:01 (+08:00)"), "{page}");
    assert!(report(&utc, &[]).contains("2022-06-24 14:00:01 (UTC)"));
}

#[test]
fn the_gravest_come_first_and_of_these_the_earliest() {
    let undated = "thread 'main' panicked at 'x', src/a.rs:1:2\n";
    let critical = |second| worker_line(second, "ERROR", "x: Too many open files (os error 24)");
    let page = report(&(undated.to_owned() + &failure(1, 1) + &critical(9)), &[]);
    let chapters: Vec<&str> =
        page.split("<section id=\"").skip(1).map(|chapter| &chapter[..chapter.find('"').unwrap()]).collect();
    assert_eq!(
        chapters,
        ["venus-cluster/too-many-open-files", "runtime/rust-panic", "venus-cluster/ext-unmarshal-response"]
    );
}

#[test]
fn it_says_what_could_not_be_read() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a&b.log.gz"), b"\x1f\x8b\x08 cut").unwrap();
    let ran = run(&["replay", &text(folder.path()), "--html", "-"]);
    assert_eq!(ran.status, 2);
    tags(&ran.stdout);
    let told = ran.stdout.split("<p class=\"unread\">").nth(1).unwrap();
    assert!(
        told.starts_with("Not read, or not to the end: <code>/") && told.contains("a&amp;b.log.gz</code>"),
        "{told}"
    );
}
