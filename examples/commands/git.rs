//! What of a repository is read, all of it through `git`: tags, the files of a tag, the text of a file.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::rc::Rc;

use anyhow::{Context as _, Result, bail};

/// A repository that is open for reading. Its work tree, if it has one, is not looked at.
pub struct Repository {
    folder: PathBuf,
    batch: RefCell<Batch>,
}

/// `git cat-file --batch`, which answers as long as it is asked.
struct Batch {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// Where the texts of blobs are had from.
pub trait Texts {
    /// The text of a blob.
    fn text(&self, blob: &str) -> Result<String>;
}

/// The files of one tag that may matter: their path and the id of their blob.
pub type Tree = BTreeMap<String, Rc<str>>;

impl Repository {
    /// Opens a checkout, or a bare repository.
    pub fn open(folder: &Path) -> Result<Self> {
        let mut child = Command::new("git")
            .arg("-C")
            .arg(folder)
            .args(["cat-file", "--batch"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("git does not start")?;
        let questions = child.stdin.take().context("git has no standard input")?;
        let answers = BufReader::new(child.stdout.take().context("git has no standard output")?);
        let batch = RefCell::new(Batch { child, questions, answers });
        Ok(Self { folder: folder.to_owned(), batch })
    }

    /// Every tag with the day of its commit, as `2021-08-27`.
    pub fn tags(&self) -> Result<Vec<(String, String)>> {
        let format = "--format=%(refname:short) %(*committerdate:short) %(committerdate:short)";
        let listed = self.run(&["for-each-ref", "refs/tags", format])?;
        let tags = listed.lines().filter_map(|line| {
            let mut words = line.split_whitespace();
            Some((words.next()?.to_owned(), words.next()?.to_owned()))
        });
        Ok(tags.collect())
    }

    /// The sources of a tag: Go, Rust and what says how a module is called.
    pub fn tree(&self, tag: &str) -> Result<Tree> {
        let listed = self.run(&["ls-tree", "-r", "-z", "--full-tree", &format!("refs/tags/{tag}")])?;
        let files = listed.split('\0').filter_map(|entry| {
            let (about, path) = entry.split_once('\t')?;
            let is_source = path.ends_with(".go") || path.ends_with(".rs") || path.ends_with("go.mod");
            let is_test = path.ends_with("_test.go");
            (is_source && !is_test).then(|| Some((path.to_owned(), about.split(' ').nth(2)?.into())))?
        });
        Ok(files.collect())
    }

    fn run(&self, arguments: &[&str]) -> Result<String> {
        let ran = Command::new("git").arg("-C").arg(&self.folder).args(arguments).output()?;
        if !ran.status.success() {
            bail!(
                "{}: git {}: {}",
                self.folder.display(),
                arguments[0],
                String::from_utf8_lossy(&ran.stderr)
            );
        }
        Ok(String::from_utf8_lossy(&ran.stdout).into_owned())
    }
}

impl Texts for Repository {
    fn text(&self, blob: &str) -> Result<String> {
        let mut batch = self.batch.borrow_mut();
        writeln!(batch.questions, "{blob}")?;
        let mut head = String::new();
        batch.answers.read_line(&mut head)?;
        let Some(Ok(size)) = head.split_whitespace().nth(2).map(str::parse::<usize>) else {
            bail!("{}: git has no blob {blob}", self.folder.display());
        };
        let mut bytes = vec![0; size + 1];
        batch.answers.read_exact(&mut bytes)?;
        bytes.pop();
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        // It has nothing to lose, and nobody to tell.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_tag_holds() {
        let folder = tempfile::tempdir().unwrap();
        let git = |arguments: &[&str]| {
            let who = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "init.defaultBranch=main"];
            let mut command = Command::new("git");
            command.arg("-C").arg(folder.path()).args(who).args(arguments);
            command
                .env("GIT_AUTHOR_DATE", "2022-01-02T03:04:05Z")
                .env("GIT_COMMITTER_DATE", "2022-01-02T03:04:05Z");
            assert!(command.output().unwrap().status.success(), "{arguments:?}");
        };
        std::fs::create_dir(folder.path().join("cmd")).unwrap();
        for (path, text) in [("cmd/main.go", "package main\n"), ("cmd/main_test.go", ""), ("README.md", "")] {
            std::fs::write(folder.path().join(path), text).unwrap();
        }
        git(&["init"]);
        git(&["add", "."]);
        git(&["commit", "-m", "all"]);
        git(&["tag", "v1.0.0"]);
        git(&["tag", "-m", "said", "v1.0.1"]);

        let repository = Repository::open(folder.path()).unwrap();
        let tag = |name: &str| (name.to_owned(), "2022-01-02".to_owned());
        assert_eq!(repository.tags().unwrap(), [tag("v1.0.0"), tag("v1.0.1")]);
        let tree = repository.tree("v1.0.1").unwrap();
        assert_eq!(tree.keys().collect::<Vec<_>>(), ["cmd/main.go"]);
        assert_eq!(repository.text(&tree["cmd/main.go"]).unwrap(), "package main\n");
        assert!(repository.text("0000").is_err());
        // It still answers after a question that it could not.
        assert!(repository.text(&tree["cmd/main.go"]).is_ok());
        assert!(repository.tree("v9.9.9").is_err());
    }
}
