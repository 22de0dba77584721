//! What the READMEs and the manual for operators show is what happens.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

#[path = "program/mod.rs"]
mod program;

use program::{run, run_with_input, sealtail};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The blocks of a Markdown file with this info string.
fn blocks(file: &str, info: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join(file)).unwrap();
    let blocks = text.split("```").skip(1).step_by(2);
    let named = blocks.filter_map(|block| block.strip_prefix(&format!("{info}\n")));
    named.map(str::to_owned).collect()
}

/// Runs a command line as a reader would, from the project's folder, with a configuration in its usual place.
fn shell(line: &str) -> std::process::Output {
    let home = tempfile::tempdir().unwrap();
    let config =
        format!("[[source]]\nname = 'worker'\npaths = ['{}/examples/incident/*.log']\n", root().display());
    fs::create_dir(home.path().join("sealtail")).unwrap();
    fs::write(home.path().join("sealtail/sealtail.toml"), config).unwrap();
    let folder = Path::new(env!("CARGO_BIN_EXE_sealtail")).parent().unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    Command::new("sh")
        .args(["-c", line])
        .current_dir(root())
        .env("PATH", path)
        .env("TZ", "Asia/Shanghai")
        .env("XDG_CONFIG_HOME", home.path())
        .env("XDG_STATE_HOME", home.path())
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

#[test]
fn every_command_that_ends_runs() {
    let mut count = 0;
    for file in ["README.md", "docs/operating.md", "examples/README.md", "CONTRIBUTING.md"] {
        for line in blocks(file, "sh").iter().flat_map(|block| block.lines()) {
            let is_ours = line.contains("sealtail ") && !line.starts_with("cargo");
            // They need a receiver, a text, or a state that was at work.
            let of_a_state =
                ["outbox", "state", "alerts", "silence", "ack"].map(|it| format!("sealtail {it} "));
            let needs_more =
                ["watch", "TEXT", "--send-test"].into_iter().chain(of_a_state.iter().map(|it| &**it));
            if !is_ours || needs_more.into_iter().any(|part| line.contains(part)) {
                continue;
            }
            let output = shell(line);
            assert!(output.status.success(), "{line}\n{}", String::from_utf8_lossy(&output.stderr));
            count += 1;
        }
    }
    assert!(count > 10, "only {count} commands were found");
}

#[test]
fn what_a_command_prints_is_what_is_shown() {
    let files = ["README.md", "docs/operating.md"];
    for block in files.iter().flat_map(|file| blocks(file, "console")) {
        let (command, shown) = block.split_once('\n').unwrap();
        let output = shell(command.strip_prefix("$ ").unwrap());
        let printed = String::from_utf8(output.stdout).unwrap();
        assert!(printed.starts_with(shown), "{command} prints\n{printed}");
    }
}

/// The log of the first screen becomes the alert of the first screen.
#[test]
fn the_first_screen_is_true() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("worker.log"), &blocks("README.md", "log")[0]).unwrap();
    let [settings] = &blocks("README.md", "toml")[..] else { panic!("README.md has one configuration") };
    let vars = settings.split("[[source]]").next().unwrap();
    let config = format!(
        "state_dir = 'state'\nhost = 'seal-07'\n{vars}[[source]]\nname = 'worker'\npaths = ['*.log']\nstart = 'beginning'\nhold = '20ms'\n"
    );
    fs::write(folder.path().join("sealtail.toml"), config).unwrap();
    let printed = folder.path().join("printed");
    let mut child = sealtail()
        .args(["watch", "--config", "sealtail.toml"])
        .current_dir(folder.path())
        .stdout(fs::File::create(&printed).unwrap())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    let read = || fs::read_to_string(&printed).unwrap();
    while !read().contains("References") && !read().contains("QA.md") && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let printed = read().replace(&folder.path().display().to_string(), "/var/log/venus-worker");
    let mut rest = printed.as_str();
    for part in blocks("README.md", "alert")[0].split("[…]").map(str::trim_end) {
        let at = rest.find(part.trim_start_matches('\n'));
        let at = at.unwrap_or_else(|| panic!("{part:?} is not in\n{printed}"));
        rest = &rest[at + part.len()..];
    }
}

/// The anchors of the headings of a page.
fn anchors(text: &str) -> Vec<String> {
    let headings =
        text.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let anchor = |heading: &str| {
        let letters = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        letters.collect::<String>().to_lowercase().replace(' ', "-")
    };
    headings.map(anchor).collect()
}

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let mut count = 0;
    for file in ["README.md", "CONTRIBUTING.md", "docs/operating.md", "docs/metrics.md", "docs/faults.md"] {
        let text = fs::read_to_string(root().join(file)).unwrap();
        // What stands in a block is no link.
        let prose: String = text.split("```").step_by(2).collect();
        for target in prose.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if target.contains("://") {
                continue;
            }
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let path = match path {
                "" => root().join(file),
                path => root().join(file).parent().unwrap().join(path),
            };
            assert!(path.exists(), "{file}: {target}");
            if !anchor.is_empty() {
                let headings = anchors(&fs::read_to_string(&path).unwrap());
                assert!(headings.iter().any(|heading| heading == anchor), "{file}: {target}");
            }
            count += 1;
        }
    }
    assert!(count > 100, "only {count} links");
}

/// What the configurations of the manuals say is understood, and their files are the reader's.
#[test]
fn every_configuration_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let etc = format!("{}/", folder.path().display());
    for (file, text) in [("slack-url", "https://example.org/a"), ("heartbeat-url", "https://example.org/b")] {
        fs::write(folder.path().join(file), text).unwrap();
    }
    let files = ["README.md", "docs/operating.md", "docs/metrics.md"];
    let all: Vec<String> = files.iter().flat_map(|file| blocks(file, "toml")).collect();
    assert!(all.len() > 3);
    for block in all {
        let mut config = format!("state_dir = '{etc}state'\n{}", block.replace("/etc/sealtail/", &etc));
        if !config.contains("[[source]]") {
            config += "[[source]]\nname = 'worker'\npaths = ['*.log']\n";
        }
        let path = folder.path().join("sealtail.toml");
        fs::write(&path, &config).unwrap();
        let ran = run(&["check".as_ref(), "--config".as_ref(), path.as_os_str()]);
        assert_eq!(ran.status, 0, "{config}\n{}", ran.stderr);
    }
}

/// A page whose steps are of every kind that the manual for operators tells of.
const STEPS: &str = "# The flux capacitor is empty

```toml
severity = \"error\"
anchors  = [\"flux capacitor is empty\"]

[fields]
device = 'device=(\\S+)'

[kinds]
device = \"device\"
```

It has to be filled.

## Action

1. Erase the device:

   ```sh caution
   wipefs -a /dev/<device>
   ```

2. See the token:

   ```sh secret
   cat /etc/flux/token
   ```

3. Look in the log:

   ```sh
   {cat} $(ls -tr {path}*) | grep flux
   ```

4. Ask the new worker:

   ```sh since=damocles-v0.4 until=damocles-v0.6
   {worker} worker list
   ```

5. Ask the newest worker:

   ```sh since=damocles-v0.9
   {worker} worker list
   ```

6. Ask the oldest worker:

   ```sh until=damocles-v0.3
   {worker} worker list
   ```

## Fires

```log device=sdb
2022-06-24T14:33:24.1+08:00 ERROR ThreadId(42) venus_worker::flux: the flux capacitor is empty device=sdb
```

## Silent

```log
2022-06-24T14:33:24.1+08:00  INFO ThreadId(42) venus_worker::flux: the flux capacitor is full
```

## References

- [Manual](https://example.org/flux)
";

/// What the manual quotes from an alert is what an alert says.
#[test]
fn the_words_of_steps_are_those_of_an_alert() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("packs/site")).unwrap();
    fs::write(folder.path().join("packs/site/flux.md"), STEPS).unwrap();
    let log = "2022-06-24T14:33:24.1+08:00 ERROR ThreadId(42) venus_worker::flux: the flux capacitor is empty device=sdb\n";
    let packs = folder.path().join("packs");
    let arguments =
        ["replay".as_ref(), "--alerts".as_ref(), "--packs".as_ref(), packs.as_os_str(), "-".as_ref()];
    let ran = run_with_input(&arguments, log.as_bytes());
    // A terminal shows no marks of code.
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").replace('`', "");
    let printed = plain(&ran.stdout);
    let manual = plain(&fs::read_to_string(root().join("docs/operating.md")).unwrap());
    for (manual_says, alert_says) in [
        ("changes or deletes something", "changes or deletes something"),
        ("fill in <name>", "fill in <device>"),
        (
            "The log names value as <name>: compare before you fill it in.",
            "The log names sdb as <device>: compare before you fill it in.",
        ),
        ("(damocles v0.9 and later)", "(damocles v0.4 to v0.6)"),
        ("steps are for other releases: sealtail explain", "1 step is for other releases: sealtail explain"),
        (
            "It prints a secret: keep the output to yourself.",
            "It prints a secret: keep the output to yourself.",
        ),
        (
            "(The log came through standard input: look in what was piped.)",
            "(The log came through standard input: look in what was piped.)",
        ),
    ] {
        assert!(manual.contains(manual_says), "docs/operating.md does not have {manual_says:?}");
        assert!(printed.contains(alert_says), "{alert_says:?} is not in\n{}\n{}", ran.stdout, ran.stderr);
    }
}
