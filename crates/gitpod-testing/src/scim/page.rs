//! Pages of a list.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gitpod_types::v1::{PaginationRequest, PaginationResponse};

use super::rules::invalid;
use super::store::Rank;
use crate::connect::error::ServerError;

const DEFAULT_SIZE: usize = 25;
const MAX_SIZE: i32 = 100;

/// Takes one page out of a list that is in order.
///
/// The token names the last item given, so that a page is right whatever was added or deleted in
/// between, and the list that it belongs to.
///
/// # Errors
///
/// `invalid_argument`: a size below 0 or above 100, or a token that this list didn't give.
pub(crate) fn page<'a, T: 'a>(
    list: &str,
    items: impl Iterator<Item = (Rank, &'a T)>,
    request: Option<&PaginationRequest>,
) -> Result<(Vec<&'a T>, PaginationResponse), ServerError> {
    let (size, token) = request.map_or((0, ""), |request| {
        (request.page_size, request.token.as_str())
    });
    let size = match size {
        0 => DEFAULT_SIZE,
        1..=MAX_SIZE => size.unsigned_abs() as usize,
        _ => {
            return Err(invalid(
                "pagination.page_size",
                "must be from 0 (the default, 25) to 100",
            ));
        }
    };
    let after = match token {
        "" => None,
        token => Some(read_token(list, token).ok_or_else(|| {
            invalid(
                "pagination.token",
                "must be a next_token that this list has given",
            )
        })?),
    };
    let mut rest = items.filter(|(rank, _)| after.is_none_or(|after| *rank > after));
    let mut taken = Vec::new();
    let mut last = None;
    for (rank, item) in rest.by_ref().take(size) {
        taken.push(item);
        last = Some(rank);
    }
    let next_token = match (last, rest.next()) {
        (Some(last), Some(_)) => write_token(list, last),
        _ => String::new(),
    };
    Ok((taken, PaginationResponse { next_token }))
}

fn write_token(list: &str, last: Rank) -> String {
    URL_SAFE_NO_PAD.encode(format!("{list}:{last}"))
}

fn read_token(list: &str, token: &str) -> Option<Rank> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
    let rank = text.strip_prefix(list)?.strip_prefix(':')?.parse().ok()?;
    // One token a place: "+1" and "01" parse, and aren't ours.
    (write_token(list, rank) == token).then_some(rank)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(items: &[u64], size: i32, token: &str) -> Result<(Vec<u64>, String), ServerError> {
        let request = PaginationRequest {
            page_size: size,
            token: token.into(),
        };
        let items = items.iter().map(|item| (*item, item));
        let (page, next) = page("things", items, Some(&request))?;
        Ok((page.into_iter().copied().collect(), next.next_token))
    }

    #[test]
    fn all_pages_are_all_items() {
        let items: Vec<u64> = (0..57).collect();
        for size in [0, 1, 7, 57, 100] {
            let mut seen = Vec::new();
            let mut token = String::new();
            loop {
                let (page, next) = ask(&items, size, &token).unwrap();
                assert!(!page.is_empty());
                seen.extend(page);
                if next.is_empty() {
                    break;
                }
                token = next;
            }
            assert_eq!(seen, items, "{size}");
        }
        assert_eq!(ask(&items, 0, "").unwrap().0.len(), 25);
        assert_eq!(ask(&[], 0, "").unwrap(), (vec![], String::new()));
        let none = page("things", items.iter().map(|item| (*item, item)), None).unwrap();
        assert_eq!(none.0.len(), 25);
    }

    #[test]
    fn a_page_is_right_though_its_neighbour_was_deleted() {
        let (_, token) = ask(&[1, 2, 3, 4], 2, "").unwrap();
        assert_eq!(ask(&[1, 4, 5], 2, &token).unwrap().0, [4, 5]);
        assert_eq!(ask(&[1, 2], 2, &token).unwrap(), (vec![], String::new()));
    }

    #[test]
    fn sizes_and_tokens_that_are_wrong() {
        for size in [-1, 101, i32::MIN, i32::MAX] {
            assert!(ask(&[1], size, "").is_err(), "{size}");
        }
        let others = [
            write_token("other", 1),
            URL_SAFE_NO_PAD.encode("things:+1"),
            URL_SAFE_NO_PAD.encode("things:01"),
            URL_SAFE_NO_PAD.encode("things:"),
            URL_SAFE_NO_PAD.encode([0xff, 0xfe]),
            "1".into(),
            "no token".into(),
        ];
        for token in others {
            assert!(ask(&[1], 1, &token).is_err(), "{token}");
        }
    }
}
