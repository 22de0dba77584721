//! Following files through everything that file systems and rotation do to them. One file a behaviour;
//! each drives `Tail` over real files with an injected clock.

mod copytruncate;
mod folder;
mod glob_appears;
mod hole;
mod inode_reuse;
mod levels;
mod limits;
mod long_line;
mod lost;
mod model;
mod packed;
mod partial_line;
mod reader;
mod recreate;
mod rename;
mod resume;
mod symlink;
mod truncate_regrow;
