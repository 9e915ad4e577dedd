//! Durations as a person writes them: `180d`, `26w`, `15552000s`.

use std::time::Duration;

const DAY: u64 = 24 * 60 * 60;

/// The life of a token: whole years of 365 days, weeks, days, hours or seconds; 1 day to 2 years,
/// as the service has it. `m` is left out, for it could be months as well as minutes.
pub(crate) fn token_life(text: &str) -> Result<Duration, String> {
    const EXPECTED: &str = "expected a whole number and one of y (365 days), w, d, h or s, \
                            from 1d to 2y: 180d, 26w, 4380h, 15552000s or 1y";
    let life = parse(
        text,
        &[
            ("y", 365 * DAY * 1000),
            ("w", 7 * DAY * 1000),
            ("d", DAY * 1000),
            ("h", 60 * 60 * 1000),
            ("s", 1000),
        ],
    )
    .ok_or(EXPECTED)?;
    if (DAY..=2 * 365 * DAY).contains(&life.as_secs()) {
        Ok(life)
    } else {
        Err(EXPECTED.to_owned())
    }
}

/// How long to wait for an answer: whole milliseconds, seconds or minutes; at most an hour.
pub(crate) fn timeout(text: &str) -> Result<Duration, String> {
    const EXPECTED: &str =
        "expected a whole number and one of ms, s or m, from 1ms to 60m: 500ms, 15s or 2m";
    let wait = parse(text, &[("ms", 1), ("s", 1000), ("m", 60 * 1000)]).ok_or(EXPECTED)?;
    if (Duration::from_millis(1)..=Duration::from_secs(60 * 60)).contains(&wait) {
        Ok(wait)
    } else {
        Err(EXPECTED.to_owned())
    }
}

/// How much life a token or a credential has left: whole years of 365 days, weeks, days, hours or
/// seconds; at most 2 years.
pub(crate) fn life_left(text: &str) -> Result<Duration, String> {
    const EXPECTED: &str = "expected a whole number and one of y (365 days), w, d, h or s, \
                            up to 2y: 30d, 6w or 720h";
    let life = parse(
        text,
        &[
            ("y", 365 * DAY * 1000),
            ("w", 7 * DAY * 1000),
            ("d", DAY * 1000),
            ("h", 60 * 60 * 1000),
            ("s", 1000),
        ],
    );
    life.filter(|life| life.as_secs() <= 2 * 365 * DAY)
        .ok_or_else(|| EXPECTED.to_owned())
}

/// How long a request may still be on its way: whole seconds or minutes, at most an hour.
pub(crate) fn settle(text: &str) -> Result<Duration, String> {
    const EXPECTED: &str = "expected a whole number and s or m, from 0s to 60m: 60s or 2m";
    let wait = parse(text, &[("s", 1000), ("m", 60 * 1000)]);
    wait.filter(|wait| wait.as_secs() <= 60 * 60)
        .ok_or_else(|| EXPECTED.to_owned())
}

/// Digits and a unit; the units come with their milliseconds.
fn parse(text: &str, units: &[(&str, u64)]) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let (_, millis) = units.iter().find(|(name, _)| *name == unit)?;
    let number: u64 = number.parse().ok()?;
    Some(Duration::from_millis(number.checked_mul(*millis)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lives_in_every_unit() {
        for (text, seconds) in [
            ("180d", 15_552_000),
            ("26w", 15_724_800),
            ("4380h", 15_768_000),
            ("15552000s", 15_552_000),
            ("1y", 31_536_000),
            ("2y", 63_072_000),
            ("1d", 86_400),
            ("86400s", 86_400),
            ("63072000s", 63_072_000),
        ] {
            assert_eq!(token_life(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
    }

    #[test]
    fn wrong_lives_say_what_was_expected() {
        for text in [
            "",
            "d",
            "180",
            "180 d",
            "-1d",
            "+1d",
            "1.5d",
            "1m",
            "1D",
            "0d",
            "86399s",
            "23h",
            "63072001s",
            "731d",
            "3y",
            "99999999999999999999y",
            "18446744073709551615w",
            "1d1h",
            "١d",
        ] {
            let error = token_life(text).expect_err(text);
            assert!(error.contains("from 1d to 2y"), "{text}: {error}");
        }
    }

    #[test]
    fn timeouts() {
        assert_eq!(timeout("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(timeout("15s"), Ok(Duration::from_secs(15)));
        assert_eq!(timeout("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(timeout("60m"), Ok(Duration::from_secs(3600)));
        for text in ["0s", "0ms", "61m", "1h", "5", "s", "1.5s"] {
            assert!(timeout(text).is_err(), "{text}");
        }
    }
}
