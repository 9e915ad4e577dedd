//! A life of its own for every ask (rule 4), so that an expiry tells which ask made it.

const STEP: u64 = 5 * 60;
const STEPS: u64 = 12 * 60 * 60 / STEP;
/// The shortest and the longest life that the service gives: 1 day and 2 years, in seconds.
pub(crate) const SHORTEST: u64 = 24 * 60 * 60;
pub(crate) const LONGEST: u64 = 2 * 365 * 24 * 60 * 60;

/// The life to ask for: `wanted` less 5 minutes to 12 hours, in seconds; more by as much where it
/// would fall below a day. It is 5 minutes or more away from each of `taken`.
///
/// Never `wanted` itself: that is what a person asks for too. `random` picks among what is free;
/// attempts are few and the choices 144, so something always is.
pub(crate) fn choose(wanted: u64, taken: &[u64], random: u64) -> u64 {
    let mut life = wanted;
    for tried in 0..STEPS {
        let less = (random.wrapping_add(tried) % STEPS + 1) * STEP;
        life = match wanted.checked_sub(less) {
            Some(life) if life >= SHORTEST => life,
            _ => wanted + less,
        };
        if taken.iter().all(|taken| taken.abs_diff(life) >= STEP) {
            return life;
        }
    }
    life
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn is_within_bounds_and_its_own(
            wanted in SHORTEST..=LONGEST,
            randoms in proptest::collection::vec(any::<u64>(), 1..20),
            last in SHORTEST..=LONGEST,
        ) {
            let mut taken = vec![last];
            for random in randoms {
                let life = choose(wanted, &taken, random);
                prop_assert!((SHORTEST..=LONGEST).contains(&life));
                prop_assert!((STEP..=STEP * STEPS).contains(&life.abs_diff(wanted)));
                for other in &taken {
                    prop_assert!(other.abs_diff(life) >= STEP);
                }
                taken.push(life);
            }
        }
    }

    #[test]
    fn a_day_is_never_undercut() {
        for random in 0..STEPS {
            assert!(choose(SHORTEST, &[], random) > SHORTEST);
        }
    }
}
