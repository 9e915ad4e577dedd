//! How much memory this process takes, as Linux tells.

/// A figure of `/proc/self/status` in KiB (`VmRSS`: resident now, `VmHWM`: at most so far); 0 where the
/// system doesn't tell.
#[must_use]
pub fn memory(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(name));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok())
        .unwrap_or(0)
}
