//! Asks a running watch.

use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use super::request::{Refused, Reply, Request};
use super::server::{ANSWER_MAX, REPLY_BYTES_MAX, address};

/// The answer takes no longer than the other side's limits.
const WAIT_MAX: Duration = ANSWER_MAX.saturating_add(Duration::from_secs(10));

/// Asks the watch that is at work on the state in `directory`; `None`: there is none.
///
/// # Errors
///
/// It refused, or does not answer.
pub(crate) fn ask(directory: &Path, request: &Request) -> Result<Option<Reply>, Refused> {
    let path = directory.join(super::server::SOCKET);
    let failed = |error: io::Error| {
        let hint = match error.kind() {
            io::ErrorKind::PermissionDenied => "run this as root or as the user of `sealtail watch`",
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                "`sealtail watch` does not answer; its log says what it waits for"
            }
            _ => "`sealtail watch` may have ended meanwhile: try again",
        };
        Refused::new(format!("cannot ask {}: {error}\nhint: {hint}", path.display()))
    };
    let mut stream = match address(directory).and_then(|address| UnixStream::connect(address.path())) {
        Ok(stream) => stream,
        Err(error) if is_nobody(&error) => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    stream.set_read_timeout(Some(WAIT_MAX)).map_err(failed)?;
    stream.set_write_timeout(Some(WAIT_MAX)).map_err(failed)?;
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    stream.write_all(&line).map_err(failed)?;
    let mut reply = Vec::new();
    stream.take(REPLY_BYTES_MAX as u64 + 1).read_to_end(&mut reply).map_err(failed)?;
    match serde_json::from_slice(&reply) {
        Ok(Reply::Refused(why)) => Err(Refused::new(why)),
        Ok(reply) => Ok(Some(reply)),
        Err(_) if reply.is_empty() => Err(failed(io::ErrorKind::UnexpectedEof.into())),
        Err(error) => Err(Refused::new(format!(
            "the reply of `sealtail watch` cannot be read: {error}\nhint: it may be of another version than this command"
        ))),
    }
}

/// Nobody listens: the socket is not there, or was left behind.
fn is_nobody(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory | ConnectionRefused)
}
