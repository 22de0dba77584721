//! What the READMEs show is what happens.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

#[path = "program/mod.rs"]
mod program;

use program::sealtail;

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

/// Runs a command line as a reader would, from the project's folder.
fn shell(line: &str) -> std::process::Output {
    let folder = Path::new(env!("CARGO_BIN_EXE_sealtail")).parent().unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    Command::new("sh")
        .args(["-c", line])
        .current_dir(root())
        .env("PATH", path)
        .env("TZ", "Asia/Shanghai")
        .env("XDG_CONFIG_HOME", "/nonexistent")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

#[test]
fn every_command_that_ends_runs() {
    let mut count = 0;
    for file in ["README.md", "examples/README.md", "CONTRIBUTING.md"] {
        for line in blocks(file, "sh").iter().flat_map(|block| block.lines()) {
            let is_ours = line.contains("sealtail ") && !line.starts_with("cargo");
            // They need a receiver, a text, or a state that was at work.
            let needs_more = ["watch", "TEXT", "--send-test", "sealtail outbox", "sealtail state"];
            if !is_ours || needs_more.iter().any(|part| line.contains(part)) {
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
    for block in blocks("README.md", "console") {
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
