//! The configuration: `sealtail.toml`, read and checked as a whole before anything starts.
//!
//! [`Config::load`] reports every fault together, each with its place. What comes out holds no
//! relative path, no bad pattern and no address that cannot be called. Secrets and the addresses of
//! sinks never appear in a diagnostic, nor in `Debug`.

mod heartbeat;
mod http;
mod lookup;
mod mask;
mod reader;
mod sink;
mod source;
mod variables;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use self::lookup::{find, state_dir};
use self::reader::{Names, Reader};
pub use self::sink::{CHAT_PER_MINUTE, WEBHOOK_PER_MINUTE};
pub use self::source::HOLD;
use crate::base::diagnostic::table::Table;
use crate::base::diagnostic::{Diagnostic, Text};
use crate::deliver::sink::Sink;
use crate::model::alert::Lang;
use crate::signature::placeholder;
use crate::source::tail::Settings;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3_600);
const YEAR: Duration = Duration::from_secs(365 * 86_400);
const CONTEXT_LINES_MAX: u64 = 100;

/// A checked configuration.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Config {
    /// Where positions, alerts and what waits to be sent are kept; `None`: the default.
    pub state_dir: Option<PathBuf>,
    /// Name of this host; `None`: ask the system.
    pub host: Option<String>,
    /// Language of alerts.
    pub lang: Lang,
    /// Folders of pages besides the built-in ones.
    pub packs: Vec<PathBuf>,
    /// Signatures that are left out, by id.
    pub disable: Vec<glob::Pattern>,
    /// What fills the placeholders that pages name in `vars`.
    pub vars: BTreeMap<String, String>,
    /// What is followed.
    pub sources: Vec<Settings>,
    /// When alerts are sent.
    pub alert: AlertSettings,
    /// Where alerts go.
    pub sinks: Vec<Sink>,
    /// The heartbeat; `None`: there is none.
    pub heartbeat: Option<crate::deliver::heartbeat::Settings>,
    /// Where others may ask how sealtail is; `None`: nowhere.
    pub http: Option<crate::telemetry::endpoint::Settings>,
    /// What is no fault and still worth a word at the start.
    pub warnings: Vec<String>,
}

/// When alerts are sent and what they carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertSettings {
    /// An alert still firing is sent again after so long.
    pub repeat_every: Duration,
    /// An alert is resolved after so long without a finding.
    pub resolve_after: Duration,
    /// Lines before and after the record.
    pub context_lines: usize,
}

impl Default for AlertSettings {
    fn default() -> AlertSettings {
        AlertSettings { repeat_every: HOUR, resolve_after: Duration::from_secs(900), context_lines: 5 }
    }
}

impl Config {
    /// Reads the configuration at `path`, filling `${VAR}` from `env`.
    ///
    /// # Errors
    ///
    /// Every fault of the file, in the order of their places.
    pub fn load(path: &Path, env: &dyn Fn(&str) -> Option<String>) -> Result<Config, Vec<Diagnostic>> {
        let text = fs::read(path).map_err(|error| error.to_string()).and_then(|bytes| {
            String::from_utf8(bytes).map_err(|error| format!("not UTF-8: {}", error.utf8_error()))
        });
        let text = text.map_err(|error| {
            let message = format!("cannot read the configuration: {error}");
            vec![Diagnostic::of_file("unreadable", &path.display().to_string(), message)]
        })?;
        let (config, faults) = Config::parse(path, &text, env);
        config.ok_or(faults)
    }

    /// Checks the text of a configuration that stands at `path`; reads the files it names.
    ///
    /// There is a configuration exactly if there is no fault.
    pub fn parse(
        path: &Path,
        text: &str,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> (Option<Config>, Vec<Diagnostic>) {
        let shown_path = path.display().to_string();
        let text = Text::new(&shown_path, text);
        let mut table = Table::parse(&text, 0..text.text().len());
        let unfilled = variables::fill(&text, &mut table, env);
        let reader = Reader::new(&text, path);
        let config = read(&reader, table);
        let mut faults = text.into_faults();
        // Where a variable is unset, what the rest of its value comes to is not worth a fault.
        faults.retain(|fault| {
            let place = fault.place.as_ref().map(|place| (place.line, place.column));
            fault.code == variables::UNSET || place.is_none_or(|place| !unfilled.contains(&place))
        });
        faults.iter_mut().for_each(mask::fault);
        (faults.is_empty().then_some(config), faults)
    }
}

/// Reads every setting; what has a fault is left out.
fn read(reader: &Reader<'_>, table: Table<'_>) -> Config {
    let mut names = Names::default();
    let sources = table.tables("source").into_iter();
    let lang = table.parsed("lang", "lang", str::parse).unwrap_or_default();
    let config = Config {
        state_dir: reader.path(&table, "state_dir"),
        host: reader.text_of(&table, "host").map(|host| host.value),
        lang,
        packs: packs(reader, &table),
        disable: reader.globs(&table, "disable"),
        vars: vars(reader, &table),
        sources: sources.filter_map(|source| source::read(reader, source, &mut names)).collect(),
        alert: table.table("alert").map(|alert| read_alert(reader, alert)).unwrap_or_default(),
        sinks: sink::read_all(reader, &table, lang),
        heartbeat: table.table("heartbeat").and_then(|heartbeat| heartbeat::read(reader, heartbeat)),
        http: table.table("http").and_then(|http| http::read(reader, http, lang)),
        warnings: reader.warnings(),
    };
    table.finish();
    config
}

fn packs(reader: &Reader<'_>, table: &Table<'_>) -> Vec<PathBuf> {
    let packs = table.strings("packs").into_iter().filter(|pack| !reader.refuses_home(pack));
    packs.map(|pack| reader.resolve(&pack.value)).collect()
}

fn vars(reader: &Reader<'_>, table: &Table<'_>) -> BTreeMap<String, String> {
    let mut vars = BTreeMap::new();
    for (name, value) in table.table("vars").map(Table::into_strings).unwrap_or_default() {
        if !placeholder::is_name(&name.value) {
            let message = format!("`{}` is not a variable name: use a-z, then a-z, 0-9 or _", name.value);
            reader.text.fault("name", name.span, message);
        } else if placeholder::BUILT_IN.contains(&&*name.value) {
            let message = format!("`{}` cannot be set: each alert sets it", name.value);
            reader.text.fault("name", name.span, message);
        } else {
            vars.insert(name.value, value.value);
        }
    }
    vars
}

fn read_alert(reader: &Reader<'_>, table: Table<'_>) -> AlertSettings {
    let default = AlertSettings::default();
    let context_lines = reader.number(&table, "context_lines", CONTEXT_LINES_MAX);
    let settings = AlertSettings {
        repeat_every: reader.duration(&table, "repeat_every", SECOND..=YEAR).unwrap_or(default.repeat_every),
        resolve_after: reader
            .duration(&table, "resolve_after", SECOND..=YEAR)
            .unwrap_or(default.resolve_after),
        context_lines: context_lines.map_or(default.context_lines, |lines| lines as usize),
    };
    table.finish();
    settings
}

#[cfg(test)]
mod tests;
