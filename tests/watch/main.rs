//! `sealtail watch` as a whole: the built program follows real files and calls a real receiver on
//! loopback. One file a behaviour.

mod alerts;
mod birth;
mod certificates;
mod configuration;
mod confirmed;
mod control;
mod damage;
mod disk;
mod disk_limit;
mod fair;
mod folder;
mod heartbeat;
mod http;
mod inbox;
mod kill;
mod lines;
mod outbox;
mod own;
#[path = "../program/mod.rs"]
mod program;
mod proxy;
#[path = "../receiver/mod.rs"]
mod receiver;
mod records;
mod redaction;
mod replay;
mod restart;
mod rig;
mod rotation;
mod schema;
mod secrets;
mod service;
mod silence;
mod sinks;
mod stall;
mod state;
mod stdout;
mod stop;
mod storm;
mod upgrade;
