//! `sealtail man`.

use std::io::{self, Write};

use anyhow::Result;
use clap::{Command, CommandFactory};
use clap_mangen::Man;

use super::{Cli, EXIT_OK, OUTSIDE};

pub(super) fn run() -> Result<u8> {
    let mut program = Cli::command();
    program.build();
    let man = Man::new(program.clone());
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_options_section(&mut page)?;
    for command in program.get_subcommands() {
        section(command, &mut page)?;
    }
    writeln!(page, ".SH ENVIRONMENT, FILES AND EXIT STATUS\n.nf\n{}\n.fi", OUTSIDE.replace('-', "\\-"))?;
    man.render_version_section(&mut page)?;
    io::stdout().write_all(&page)?;
    Ok(EXIT_OK)
}

/// A command as a section: one page tells everything, since no others are installed.
fn section(command: &Command, page: &mut Vec<u8>) -> io::Result<()> {
    let man = Man::new(command.clone());
    let mut inside = Vec::new();
    man.render_synopsis_section(&mut inside)?;
    man.render_description_section(&mut inside)?;
    man.render_options_section(&mut inside)?;
    if command.get_after_help().is_some() {
        man.render_extra_section(&mut inside)?;
    }
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name());
    writeln!(page, ".SH \"{}\"", name.to_uppercase())?;
    page.write_all(String::from_utf8_lossy(&inside).replace(".SH ", ".SS ").as_bytes())
}
