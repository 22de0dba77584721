//! What makes the status page red, amber or green.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::base::duration::show;
use crate::model::alert::Lang;
use crate::model::finding::Severity;
use crate::telemetry::meter::SourceState;

/// A source that is behind for this long is worth a look, …
const BEHIND_AMBER: Duration = Duration::from_secs(60);
/// … and for this long, alerts come late.
const BEHIND_RED: Duration = Duration::from_secs(5 * 60);
/// More messages than this do not wait for a sink that works.
const WAITING_AMBER: u64 = 100;

/// How the box is, at a glance; the gravest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// All is well.
    Green,
    /// Something is worth a look.
    Amber,
    /// Something is wrong.
    Red,
}

impl Verdict {
    /// Its name in JSON and in the style of the page.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Green => "green",
            Verdict::Amber => "amber",
            Verdict::Red => "red",
        }
    }

    /// What it says to a person.
    pub fn words(self, lang: Lang) -> &'static str {
        match (self, lang) {
            (Verdict::Green, Lang::En) => "All is well",
            (Verdict::Green, Lang::Zh) => "一切正常",
            (Verdict::Amber, Lang::En) => "Something is worth a look",
            (Verdict::Amber, Lang::Zh) => "有情况需要留意",
            (Verdict::Red, Lang::En) => "Something is wrong",
            (Verdict::Red, Lang::Zh) => "出现问题",
        }
    }
}

/// A sink at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SinkState {
    /// Its name.
    pub name: String,
    /// It accepts nothing until somebody repairs it.
    pub parked: bool,
    /// The last attempt failed and is made again.
    pub failing: bool,
    /// Messages that wait to be sent.
    pub waiting: u64,
    /// Messages that were refused for good and are kept.
    pub dead: u64,
    /// Messages that arrived since the start.
    pub delivered: u64,
}

/// What the verdict goes by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Whether reading makes progress and the state can be written, or why not.
    pub healthy: Result<(), String>,
    /// Whether the first scan of the files is complete.
    pub ready: bool,
    /// Alerts that were told and have not resolved, by severity; `None` where that is not known.
    pub open: Option<BTreeMap<Severity, u64>>,
    /// Every source.
    pub sources: Vec<SourceState>,
    /// Every sink.
    pub sinks: Vec<SinkState>,
}

/// Why it is not green.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// Reading stands still, or the state cannot be written.
    Unhealthy(String),
    /// The first scan of the files is not complete.
    NotReady,
    /// Whether alerts are open is not known.
    AlertsUnknown,
    /// Alerts of this severity are open.
    Open(Severity, u64),
    /// A source names no file, for long enough to be wrong or not.
    NoFile(SourceState),
    /// A source has been silent for longer than ever.
    Silent(SourceState),
    /// A source is behind.
    Behind(String, Duration),
    /// A sink is parked.
    Parked(String),
    /// The last attempt at a sink failed.
    Failing(String),
    /// Many messages wait for a sink.
    Waiting(String, u64),
    /// A sink refused messages for good.
    Dead(String, u64),
}

/// Everything that is not green, the gravest first.
pub fn reasons(facts: &Facts) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if let Err(why) = &facts.healthy {
        reasons.push(Reason::Unhealthy(why.clone()));
    }
    if !facts.ready {
        reasons.push(Reason::NotReady);
    }
    match &facts.open {
        None => reasons.push(Reason::AlertsUnknown),
        Some(open) => {
            let open =
                open.iter().rev().filter(|(severity, count)| **severity > Severity::Info && **count > 0);
            reasons.extend(open.map(|(severity, count)| Reason::Open(*severity, *count)));
        }
    }
    for source in &facts.sources {
        if source.fileless_for.is_some() {
            reasons.push(Reason::NoFile(source.clone()));
        } else if source.unread > 0 && source.lag >= BEHIND_AMBER {
            reasons.push(Reason::Behind(source.name.clone(), source.lag));
        }
        if source.is_silent() == Some(true) {
            reasons.push(Reason::Silent(source.clone()));
        }
    }
    for SinkState { name, parked, failing, waiting, dead, .. } in &facts.sinks {
        if *parked {
            reasons.push(Reason::Parked(name.clone()));
        } else if *failing {
            reasons.push(Reason::Failing(name.clone()));
        }
        if *dead > 0 {
            reasons.push(Reason::Dead(name.clone(), *dead));
        }
        if *waiting > WAITING_AMBER {
            reasons.push(Reason::Waiting(name.clone(), *waiting));
        }
    }
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.verdict()));
    reasons
}

/// How the box is, by the gravest of `reasons`.
pub fn verdict(reasons: &[Reason]) -> Verdict {
    reasons.iter().map(Reason::verdict).max().unwrap_or(Verdict::Green)
}

impl Reason {
    /// What it makes of the page.
    pub fn verdict(&self) -> Verdict {
        let is_red = match self {
            Reason::Unhealthy(_) | Reason::Parked(_) => true,
            Reason::Open(severity, _) => *severity >= Severity::Error,
            Reason::NoFile(source) => source.is_missing() == Some(true),
            Reason::Behind(_, lag) => *lag >= BEHIND_RED,
            // A sink that fails for minutes is an open alert of severity error.
            Reason::Failing(_) | Reason::Waiting(..) | Reason::Dead(..) => false,
            Reason::NotReady | Reason::AlertsUnknown | Reason::Silent(_) => false,
        };
        if is_red { Verdict::Red } else { Verdict::Amber }
    }

    /// The source that it is about.
    pub fn source(&self) -> Option<&str> {
        match self {
            Reason::NoFile(source) | Reason::Silent(source) => Some(&source.name),
            Reason::Behind(source, _) => Some(source),
            _ => None,
        }
    }

    /// The sink that it is about.
    pub fn sink(&self) -> Option<&str> {
        match self {
            Reason::Parked(sink) | Reason::Failing(sink) => Some(sink),
            Reason::Waiting(sink, _) | Reason::Dead(sink, _) => Some(sink),
            _ => None,
        }
    }

    /// Its name in JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Reason::Unhealthy(_) => "unhealthy",
            Reason::NotReady => "not-ready",
            Reason::AlertsUnknown => "alerts-unknown",
            Reason::Open(..) => "open-alerts",
            Reason::NoFile(_) => "source-no-file",
            Reason::Silent(_) => "source-silent",
            Reason::Behind(..) => "source-behind",
            Reason::Parked(_) => "sink-parked",
            Reason::Failing(_) => "sink-failing",
            Reason::Waiting(..) => "messages-waiting",
            Reason::Dead(..) => "dead-letters",
        }
    }

    /// One line for a person.
    pub fn words(&self, lang: Lang) -> String {
        match lang {
            Lang::En => self.in_english(),
            Lang::Zh => self.in_chinese(),
        }
    }

    fn in_english(&self) -> String {
        let s = |count: u64| if count == 1 { "" } else { "s" };
        match self {
            Reason::Unhealthy(why) => why.clone(),
            Reason::NotReady => "the first scan of the files is not complete".to_owned(),
            Reason::AlertsUnknown => "whether alerts are open is not known yet".to_owned(),
            Reason::Open(severity, count) => {
                format!("{count} open alert{} of severity {severity}", s(*count))
            }
            Reason::NoFile(source) => {
                format!("source {} has named no file for {}", source.name, source.fileless_words())
            }
            Reason::Silent(source) => {
                format!("source {} has been silent for {}", source.name, source.silent_words())
            }
            Reason::Behind(source, lag) => format!("source {source} is {} behind", seconds(*lag)),
            Reason::Parked(sink) => format!("sink {sink} is parked until it is repaired"),
            Reason::Failing(sink) => format!("sink {sink} fails and is tried again"),
            Reason::Waiting(sink, count) => format!("{count} messages wait for sink {sink}"),
            Reason::Dead(sink, count) => format!("sink {sink} refused {count} message{} for good", s(*count)),
        }
    }

    fn in_chinese(&self) -> String {
        match self {
            // The text of an error of the system has no other language.
            Reason::Unhealthy(why) => format!("sealtail 自身不正常：{why}"),
            Reason::NotReady => "首次文件扫描尚未完成".to_owned(),
            Reason::AlertsUnknown => "尚不清楚有无未解除的告警".to_owned(),
            Reason::Open(severity, count) => {
                format!("{count} 个未解除的告警，级别：{}", Lang::Zh.severity(*severity))
            }
            Reason::NoFile(source) => {
                format!("来源 {} 已有 {} 没有匹配到文件", source.name, source.fileless_words())
            }
            Reason::Silent(source) => format!("来源 {} 已沉默 {}", source.name, source.silent_words()),
            Reason::Behind(source, lag) => format!("来源 {source} 落后 {}", seconds(*lag)),
            Reason::Parked(sink) => format!("接收方 {sink} 已停用，修复后才会继续发送"),
            Reason::Failing(sink) => format!("接收方 {sink} 发送失败，正在重试"),
            Reason::Waiting(sink, count) => format!("{count} 条消息等待发往接收方 {sink}"),
            Reason::Dead(sink, count) => format!("接收方 {sink} 永久拒收了 {count} 条消息"),
        }
    }
}

/// To the second.
fn seconds(time: Duration) -> String {
    show(Duration::from_secs(time.as_secs()))
}

#[cfg(test)]
mod tests;
