//! `sealtail watch PATH...`: a configuration made of arguments, for trying out.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use super::super::WatchArgs;
use crate::base::secret::Secret;
use crate::config::{self, Config};
use crate::deliver::sink::{Destination, Route, Sink, Slack, Webhook};
use crate::source::tail::{Settings, Start};

/// Name of the one source there is.
const SOURCE: &str = "adhoc";

/// A folder that goes when the program does.
pub(super) struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        // It lies in the system's folder for what may be left behind.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A temporary folder for the state, unless it is to be kept: alerts that are only printed are lost
/// with the terminal anyway, and a second try should show them again.
pub(super) fn scratch(args: &WatchArgs) -> Result<Option<Scratch>> {
    if args.state_dir.is_some() || !args.webhook.is_empty() || !args.slack.is_empty() {
        return Ok(None);
    }
    let random = getrandom::u64().context("cannot read random bytes from the system")?;
    Ok(Some(Scratch(env::temp_dir().join(format!("sealtail-{random:016x}")))))
}

/// The configuration that the arguments stand for.
pub(super) fn config(args: &WatchArgs, scratch: Option<&Scratch>) -> Result<Config> {
    let here = env::current_dir().context("cannot read the current folder")?;
    let paths = args.paths.iter().map(|path| pattern(&here, path));
    let source = Settings {
        name: SOURCE.to_owned(),
        paths: paths.collect::<Result<_>>()?,
        exclude: Vec::new(),
        start: if args.from_start { Start::Beginning } else { Start::End },
        poll: None,
        hold: config::HOLD,
    };
    let mut config = Config {
        sources: vec![source],
        sinks: sinks(args)?,
        lang: args.lang.unwrap_or_default(),
        ..Config::default()
    };
    config.state_dir = args.state_dir.clone().or_else(|| scratch.map(|scratch| scratch.0.clone()));
    if !config.sinks.is_empty() {
        let urls = "a URL given as an argument can be read by every user of this machine (ps)";
        config
            .warnings
            .push(format!("{urls}: put it into a file and name it as `url_file` in a configuration"));
    }
    Ok(config)
}

/// What to follow for one argument: a file of that very name, all files of a folder, or a glob.
fn pattern(here: &Path, path: &Path) -> Result<String> {
    if path == "-" {
        bail!(
            "`watch` cannot follow standard input, which has no position to continue from after a restart\nhint: use `sealtail replay -`"
        );
    }
    let path = &here.join(path);
    let Some(text) = path.to_str() else {
        bail!("{} is not UTF-8; name it by a glob", path.display());
    };
    Ok(match path.metadata() {
        Ok(metadata) if metadata.is_dir() => format!("{}/*", glob::Pattern::escape(text)),
        Ok(_) => glob::Pattern::escape(text),
        Err(_) => {
            glob::Pattern::new(text).with_context(|| format!("`{text}` is not a path or glob"))?;
            text.to_owned()
        }
    })
}

fn sinks(args: &WatchArgs) -> Result<Vec<Sink>> {
    let mut sinks = Vec::new();
    for (index, url) in args.webhook.iter().enumerate() {
        let url = address(url, "--webhook")?;
        let destination = Destination::Webhook(Webhook { url, key: None });
        sinks.push(sink("webhook", index, destination, config::WEBHOOK_PER_MINUTE, args));
    }
    for (index, url) in args.slack.iter().enumerate() {
        let destination = Destination::Slack(Slack { url: address(url, "--slack")? });
        sinks.push(sink("slack", index, destination, config::CHAT_PER_MINUTE, args));
    }
    Ok(sinks)
}

fn sink(kind: &str, index: usize, destination: Destination, max_per_minute: u32, args: &WatchArgs) -> Sink {
    let name = if index == 0 { kind.to_owned() } else { format!("{kind}-{}", index + 1) };
    Sink {
        name,
        route: Route { lang: args.lang.unwrap_or_default(), ..Route::default() },
        max_per_minute,
        destination,
    }
}

/// An address; the error does not repeat it, for it is a password.
fn address(url: &str, option: &str) -> Result<Secret> {
    let parsed = reqwest::Url::parse(url).with_context(|| format!("the value of {option} is not a URL"))?;
    if !matches!(parsed.scheme(), "http" | "https") {
        bail!("the value of {option} does not start with https:// or http://");
    }
    Ok(Secret::new(url))
}
