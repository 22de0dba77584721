//! A disk of tests, in memory: it can be full, slow, refuse to sync, and lose power. Of what was not
//! synced then, any sectors may be lost and the others kept, in whatever order they were written.

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redb::{Database, StorageBackend};

use super::birth;
use super::error::Fault;
use super::tables;

/// What is wrong with a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Nothing.
    None,
    /// No file can grow.
    Full,
    /// Nothing can be written.
    ReadOnly,
    /// What is written cannot be synced.
    Unsynced,
}

/// What was asked of a disk.
#[derive(Debug, Clone)]
pub(crate) enum Operation {
    Write(u64, Vec<u8>),
    Length(u64),
    Sync,
}

/// Which writes survive a power cut, sector by sector.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cut {
    /// Bytes that are written whole or not at all.
    pub sector: usize,
    /// How many of 256 sectors are kept.
    pub kept: u16,
    pub seed: u64,
}

/// One file on a disk. Clones are the same file.
#[derive(Clone)]
pub(crate) struct Disk {
    content: Arc<Mutex<Content>>,
    gate: Arc<(Mutex<Gate>, Condvar)>,
}

/// How a slow disk syncs: when the test says so.
#[derive(Default)]
struct Gate {
    slow: bool,
    /// A sync waits.
    held: bool,
}

struct Content {
    /// What the process sees.
    bytes: Vec<u8>,
    /// What was on the disk at the last sync, and what came since.
    synced: Vec<u8>,
    unsynced: Vec<Operation>,
    trouble: Trouble,
    /// Everything since the recording began.
    record: Option<Vec<Operation>>,
}

thread_local! {
    static INSTALLED: RefCell<Option<Disk>> = const { RefCell::new(None) };
}

/// The disk that this thread's stores are kept on, if not in files.
pub(super) fn installed() -> Option<Disk> {
    INSTALLED.with_borrow(Clone::clone)
}

/// Stores that this thread opens are kept on a disk of tests while this lives.
pub(crate) struct Installed;

impl Drop for Installed {
    fn drop(&mut self) {
        INSTALLED.set(None);
    }
}

impl Disk {
    pub fn of(bytes: Vec<u8>) -> Disk {
        let content = Content {
            synced: bytes.clone(),
            bytes,
            unsynced: Vec::new(),
            trouble: Trouble::None,
            record: None,
        };
        Disk { content: Arc::new(Mutex::new(content)), gate: Arc::default() }
    }

    pub fn install(&self) -> Installed {
        INSTALLED.set(Some(self.clone()));
        Installed
    }

    pub fn set_trouble(&self, trouble: Trouble) {
        self.content().trouble = trouble;
    }

    /// From now on every sync takes until it is [let go](Disk::let_go), or none does.
    pub fn set_slow(&self, slow: bool) {
        *self.gate() = Gate { slow, held: false };
        self.gate.1.notify_all();
    }

    /// Whether a sync waits, or comes to within `time`.
    pub fn holds(&self, time: Duration) -> bool {
        let free = |gate: &mut Gate| !gate.held;
        let (gate, _) =
            self.gate.1.wait_timeout_while(self.gate(), time, free).unwrap_or_else(PoisonError::into_inner);
        gate.held
    }

    /// Lets the sync that waits come to its end.
    pub fn let_go(&self) {
        self.gate().held = false;
        self.gate.1.notify_all();
    }

    fn gate(&self) -> MutexGuard<'_, Gate> {
        self.gate.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_to_sync(&self) {
        let mut gate = self.gate();
        gate.held = gate.slow;
        self.gate.1.notify_all();
        drop(self.gate.1.wait_while(gate, |gate| gate.held).unwrap_or_else(PoisonError::into_inner));
    }

    /// Begins to record; the bytes from which on.
    pub fn record(&self) -> Vec<u8> {
        let mut content = self.content();
        content.record = Some(Vec::new());
        content.synced.clone()
    }

    /// What was recorded so far.
    pub fn recorded(&self) -> Vec<Operation> {
        self.content().record.clone().unwrap_or_default()
    }

    /// The power goes. No store may be open.
    pub fn cut(&self, cut: Cut) {
        let mut content = self.content();
        let unsynced = std::mem::take(&mut content.unsynced);
        let mut bytes = std::mem::take(&mut content.synced);
        survive(&mut bytes, &unsynced, cut);
        content.synced.clone_from(&bytes);
        content.bytes = bytes;
    }

    pub(super) fn open_or_create(&self) -> Result<Database, Fault> {
        let is_new = self.content().bytes.is_empty();
        let database = self.open()?;
        if is_new {
            let transaction = database.begin_write()?;
            tables::create(&transaction, [7; 16])?;
            transaction.commit()?;
        }
        Ok(database)
    }

    pub(super) fn open(&self) -> Result<Database, Fault> {
        Ok(birth::builder().create_with_backend(self.clone())?)
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, operation: Operation) -> io::Result<()> {
        let mut content = self.content();
        let end = match &operation {
            Operation::Write(offset, bytes) => *offset as usize + bytes.len(),
            Operation::Length(length) => *length as usize,
            Operation::Sync => 0,
        };
        match content.trouble {
            Trouble::Full if end > content.bytes.len() => return Err(io::ErrorKind::StorageFull.into()),
            Trouble::ReadOnly => return Err(io::ErrorKind::ReadOnlyFilesystem.into()),
            Trouble::Unsynced if matches!(operation, Operation::Sync) => {
                return Err(io::Error::other("injected: the disk does not sync"));
            }
            _ => {}
        }
        if let Some(record) = &mut content.record {
            record.push(operation.clone());
        }
        apply(&mut content.bytes, &operation);
        if matches!(operation, Operation::Sync) {
            let unsynced = std::mem::take(&mut content.unsynced);
            unsynced.iter().for_each(|operation| apply(&mut content.synced, operation));
        } else {
            content.unsynced.push(operation);
        }
        Ok(())
    }
}

/// Does to `bytes` what `operation` does to a file.
pub(crate) fn apply(bytes: &mut Vec<u8>, operation: &Operation) {
    match operation {
        Operation::Write(offset, new) => {
            let (start, end) = (*offset as usize, *offset as usize + new.len());
            if bytes.len() < end {
                bytes.resize(end, 0);
            }
            bytes[start..end].copy_from_slice(new);
        }
        Operation::Length(length) => bytes.resize(*length as usize, 0),
        Operation::Sync => {}
    }
}

/// Does to `bytes` what a power cut leaves of operations that were not synced.
pub(crate) fn survive(bytes: &mut Vec<u8>, unsynced: &[Operation], cut: Cut) {
    let mut number = 0;
    let mut keeps = || {
        number += 1;
        mix(cut.seed, number) % 256 < u64::from(cut.kept)
    };
    for operation in unsynced {
        match operation {
            Operation::Write(offset, new) => {
                let mut start = 0;
                while start < new.len() {
                    let at = *offset as usize + start;
                    let end = new.len().min(start + cut.sector - at % cut.sector);
                    if keeps() {
                        apply(bytes, &Operation::Write(at as u64, new[start..end].to_vec()));
                    }
                    start = end;
                }
            }
            length if keeps() => apply(bytes, length),
            _ => {}
        }
    }
}

/// A number that looks random for each `number`: SplitMix64.
pub(crate) fn mix(seed: u64, number: u64) -> u64 {
    let mut mixed = seed.wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let content = self.content();
        write!(f, "Disk({} bytes, {:?})", content.bytes.len(), content.trouble)
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.content().bytes.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let content = self.content();
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let bytes = content.bytes.get(start..start.saturating_add(out.len()));
        out.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.change(Operation::Length(length))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.wait_to_sync();
        self.change(Operation::Sync)
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.change(Operation::Write(offset, bytes.to_vec()))
    }
}
