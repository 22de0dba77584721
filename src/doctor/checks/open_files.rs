//! The limit of open files: of running programs, of their units, of logins.

use crate::base::diagnostic::Excerpt;
use crate::doctor::facts::{Facts, Process, Setting, Unit};
use crate::doctor::{Diff, Edit, Finding, Outcome, Place, Words};

/// A window PoSt of one partition of 32 GiB sectors opens more than 25 000 files.
const NEEDED: u64 = 65_536;
/// What is recommended, where the kernel grants it.
const RECOMMENDED: u64 = 1 << 20;
/// What systemd gives a unit that says nothing.
const SYSTEMD_SOFT: u64 = 1_024;

fn recommended(facts: &Facts) -> u64 {
    facts.nr_open.as_ref().map_or(RECOMMENDED, |most| RECOMMENDED.min(*most))
}

/// A limit that a window PoSt exceeds.
pub(super) fn low(facts: &Facts, out: &mut Outcome) {
    let processes: &[Process] = out.needs(&facts.processes).map_or(&[], Vec::as_slice);
    let units: &[Unit] = out.needs(&facts.units).map_or(&[], Vec::as_slice);
    if processes.is_empty() && units.is_empty() && out.unchecked.is_empty() {
        return out.unknown(Words::new(
            "no program of the cluster runs here, and no unit starts one",
            "本机没有运行集群的程序，也没有启动它们的单元",
        ));
    }
    let wanted = recommended(facts);
    for process in processes {
        let Some(limit) = out.needs(&process.open_files) else { continue };
        let Some(soft) = limit.soft.filter(|&soft| soft < NEEDED) else { continue };
        let (program, pid) = (&process.program, process.pid);
        let finding = out.found(
            format!("{program} (pid {pid}) may have {soft} files open; a window PoSt needs more than 25000"),
            format!("{program}（pid {pid}）最多打开 {soft} 个文件；一次 window PoSt 需要 25000 个以上"),
        );
        let unit =
            process.unit.as_ref().map_or(String::new(), |unit| format!("{unit}: LimitNOFILE={wanted}; "));
        let now = format!("prlimit --pid {pid} --nofile={wanted}:{wanted}");
        finding.mend(format!("{unit}`{now}` until the restart"), format!("{unit}重启前可用 `{now}`"));
        finding.file(format!("/proc/{pid}/limits"));
    }
    for unit in units {
        if processes.iter().any(|process| process.unit.as_ref() == Some(&unit.name)) {
            continue;
        }
        let soft = unit.open_files.as_ref().map_or(Some(SYSTEMD_SOFT), |setting| soft_of(&setting.value));
        let Some(soft) = soft.filter(|&soft| soft < NEEDED) else { continue };
        let name = &unit.name;
        let finding = out.found(
            format!("{name} starts its program with a limit of {soft} open files"),
            format!("{name} 启动的程序最多打开 {soft} 个文件"),
        );
        match &unit.open_files {
            Some(setting) => numbered(finding, setting, wanted),
            None => {
                finding.file(&*unit.path).mend(
                    format!("`LimitNOFILE={wanted}` under `[Service]`"),
                    format!("在 `[Service]` 下写 `LimitNOFILE={wanted}`"),
                );
            }
        }
    }
}

/// `unlimited` for open files, which Linux does not grant, or more than it does.
pub(super) fn unlimited(facts: &Facts, out: &mut Outcome) {
    let units: &[Unit] = out.needs(&facts.units).map_or(&[], Vec::as_slice);
    let logins = out.needs(&facts.login_limits).map_or(&[][..], Vec::as_slice);
    let most = out.needs(&facts.nr_open).copied();
    let wanted = recommended(facts);
    let units = units.iter().filter_map(|unit| Some((&*unit.name, unit.open_files.as_ref()?)));
    let logins = logins.iter().map(|login| (&*login.domain, &login.setting));
    for (who, setting) in units.chain(logins) {
        let value = &setting.value;
        if is_unlimited(value) {
            let finding = out.found(
                format!("`{value}` open files for {who}: Linux has no such limit and refuses it"),
                format!("{who} 的打开文件数为 `{value}`：Linux 不接受不限制，会拒绝"),
            );
            numbered(finding, setting, wanted);
        } else if let Some(most) = most.filter(|&most| soft_of(value).is_some_and(|soft| soft > most)) {
            let finding = out.found(
                format!("{value} open files for {who}, and the kernel grants {most} (`fs.nr_open`)"),
                format!("{who} 的打开文件数为 {value}，而内核最多允许 {most}（`fs.nr_open`）"),
            );
            numbered(finding, setting, wanted);
        }
    }
}

fn is_unlimited(value: &str) -> bool {
    value.split(':').any(|one| matches!(one.trim(), "infinity" | "unlimited" | "-1"))
}

fn soft_of(value: &str) -> Option<u64> {
    value.split(':').next()?.trim().parse().ok()
}

/// The place of the setting, and the line with a number that Linux grants.
fn numbered(finding: &mut Finding, setting: &Setting, wanted: u64) {
    let Setting { value, path, line, text } = setting;
    let before = text.find(value.as_str()).unwrap_or(0);
    let excerpt = Excerpt {
        line: *line,
        column: 1 + text[..before].chars().count(),
        width: value.chars().count().max(1),
        text: text.clone(),
    };
    let new = format!("{}{wanted}{}", &text[..before], &text[(before + value.len()).min(text.len())..]);
    let edit = Edit { line: *line, old: Some(text.clone()), new: Some(new) };
    finding.places.push(Place { path: path.clone(), excerpt: Some(excerpt) });
    finding.mend("give a number", "写一个数字").diff(Some(Diff { path: path.clone(), edits: vec![edit] }));
}
