//! Any text as `sealtail.toml`: a configuration or faults, never both, never neither, and no
//! secret in what is shown.

use std::path::Path;

use sealtail::config::Config;

/// A value that must not be shown where it fills the address of a sink.
const SECRET: &str = "canary";

/// Reads `data` as a configuration. The files it may name do not exist.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let env = |name: &str| (name == "URL").then(|| format!("https://127.0.0.1/{SECRET}"));
    let (config, faults) = Config::parse(Path::new("/nonexistent/sealtail.toml"), text, &env);
    assert_eq!(config.is_some(), faults.is_empty());
    let shown: String = faults.iter().map(|fault| format!("{fault}\n")).collect();
    assert!(text.contains(SECRET) || !shown.contains(SECRET), "{shown}");
    if let Some(config) = config {
        assert!(text.contains(SECRET) || !format!("{:?}", config.sinks).contains(SECRET));
    }
}
