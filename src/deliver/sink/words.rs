//! What destinations say besides the page and the log, in every language.

use crate::model::alert::{Alert, Lang, Status};

/// An alert is over.
pub(super) fn resolved(lang: Lang) -> &'static str {
    match lang {
        Lang::En => "resolved",
        Lang::Zh => "已恢复",
    }
}

/// How an alert resolved: it is over, or nothing more came.
pub(super) fn end(alert: &Alert) -> String {
    let (amount, unit) = match alert.quiet_seconds {
        _ if !alert.quiet => return resolved(alert.lang).to_owned(),
        seconds if seconds % 3_600 == 0 => (seconds / 3_600, ("h", "小时")),
        seconds if seconds % 60 == 0 => (seconds / 60, ("min", "分钟")),
        seconds => (seconds, ("s", "秒")),
    };
    match alert.lang {
        Lang::En => format!("quiet for {amount} {}", unit.0),
        Lang::Zh => format!("已 {amount} {}无新记录", unit.1),
    }
}

/// How often, and from when to when.
pub(super) fn counts(lang: Lang, count: u64, new: u64, first: &str, last: &str) -> String {
    match lang {
        Lang::En if count == 1 => format!("1 finding, {last}"),
        Lang::En => format!("{count} findings, {new} new, {first} to {last}"),
        Lang::Zh if count == 1 => format!("1 次， {last}"),
        Lang::Zh => format!("共 {count} 次，新增 {new} 次， {first} 至 {last}"),
    }
}

/// What stands behind it are followers of this alert.
pub(super) fn explains(lang: Lang) -> &'static str {
    match lang {
        Lang::En => "explains",
        Lang::Zh => "由此引起",
    }
}

/// What stands behind it is the cause of this alert.
pub(super) fn explained_by(lang: Lang) -> &'static str {
    match lang {
        Lang::En => "explained by",
        Lang::Zh => "起因",
    }
}

/// What stands behind it came before this alert, and nothing but that says that it is the cause.
pub(super) fn possibly_because_of(lang: Lang) -> &'static str {
    match lang {
        Lang::En => "possibly because of",
        Lang::Zh => "可能起因",
    }
}

/// What stands behind it is a cause that the doctor sees on the box.
pub(super) fn confirmed(lang: Lang) -> &'static str {
    match lang {
        Lang::En => "confirmed on the box",
        Lang::Zh => "本机已证实",
    }
}

/// How often a follower was found.
pub(super) fn times(lang: Lang, count: u64) -> String {
    match lang {
        Lang::En => format!("{count}×"),
        Lang::Zh => format!("{count} 次"),
    }
}

/// A command is not harmless.
pub(crate) fn caution(lang: Lang) -> &'static str {
    match lang {
        Lang::En => "changes or deletes something",
        Lang::Zh => "会更改或删除数据",
    }
}

/// What follows stayed open in a command.
pub(crate) fn fill_in(lang: Lang) -> &'static str {
    match lang {
        Lang::En => "fill in",
        Lang::Zh => "请填写",
    }
}

/// Steps were left out, for they are for other releases than those that run here.
pub(super) fn other_releases(lang: Lang, steps: usize, signature: &str) -> String {
    match lang {
        Lang::En if steps == 1 => format!("1 step is for other releases: sealtail explain {signature}"),
        Lang::En => format!("{steps} steps are for other releases: sealtail explain {signature}"),
        Lang::Zh => format!("另有 {steps} 步适用于其他版本：sealtail explain --lang zh {signature}"),
    }
}

/// Where a link leads.
pub(super) fn see(lang: Lang) -> &'static str {
    match lang {
        Lang::En => "see",
        Lang::Zh => "参见",
    }
}

/// A page was too long for a message.
pub(super) fn rest(lang: Lang) -> &'static str {
    match lang {
        Lang::En => "the rest",
        Lang::Zh => "其余内容",
    }
}

/// What a digest is about.
pub(super) fn digest_title(lang: Lang, findings: u64, alerts: usize) -> String {
    match lang {
        Lang::En => format!("Digest: {findings} findings of {alerts} alerts"),
        Lang::Zh => format!("汇总：{alerts} 个告警，共 {findings} 次"),
    }
}

/// Why there is a digest.
pub(super) fn digest_why(lang: Lang, host: &str) -> String {
    match lang {
        Lang::En => format!("{host}: too many messages to be sent one by one"),
        Lang::Zh => format!("{host}：消息过多，合并发送"),
    }
}

/// What a digest says of one alert.
pub(super) fn digest_counts(lang: Lang, new: u64, count: u64, status: Status) -> String {
    let counts = match lang {
        // Nothing was told before, or it is not known how much.
        Lang::En if new == count => format!("{new} new"),
        Lang::Zh if new == count => format!("新增 {new} 次"),
        Lang::En => format!("{new} new, {count} so far"),
        Lang::Zh => format!("新增 {new} 次，共 {count} 次"),
    };
    match status {
        Status::Firing => counts,
        Status::Resolved => format!("{counts}, {}", resolved(lang)),
    }
}

/// What a digest has no room for.
pub(super) fn digest_rest(lang: Lang, alerts: usize, findings: u64) -> String {
    match lang {
        Lang::En => format!("… and {alerts} more alerts: {findings} findings"),
        Lang::Zh => format!("…… 另有 {alerts} 个告警，共 {findings} 次"),
    }
}
