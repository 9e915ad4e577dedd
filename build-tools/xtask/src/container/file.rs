//! What a Containerfile says.

use crate::Failure;

/// An instruction, and what follows it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Instruction {
    pub(super) name: String,
    pub(super) rest: String,
}

/// The instructions behind each `FROM`.
pub(super) fn stages(text: &str) -> Result<Vec<Vec<Instruction>>, Failure> {
    let mut stages: Vec<Vec<Instruction>> = Vec::new();
    let mut line = String::new();
    for part in text
        .lines()
        .filter(|part| !part.trim_start().starts_with('#'))
    {
        if let Some(part) = part.strip_suffix('\\') {
            line.push_str(part);
            continue;
        }
        line.push_str(part);
        let whole = std::mem::take(&mut line);
        let Some((name, rest)) = whole.trim().split_once(' ') else {
            continue;
        };
        if name == "FROM" {
            stages.push(Vec::new());
            continue;
        }
        let stage = stages.last_mut();
        let stage = stage.ok_or_else(|| Failure::new(format!("{name} in front of any FROM")))?;
        stage.push(Instruction {
            name: name.to_owned(),
            rest: rest.trim().to_owned(),
        });
    }
    Ok(stages)
}

/// What follows the one instruction of this name.
pub(super) fn one<'a>(stage: &'a [Instruction], name: &str) -> Result<&'a str, Failure> {
    let mut found = stage.iter().filter(|one| one.name == name);
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(&one.rest),
        _ => Err(Failure::new(format!("expected one {name}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_go_over_several_lines_and_have_stages() {
        let text = "# a\nFROM x AS y\nRUN a \\\n    # why\n    && b\n\nFROM z\nUSER 1:1\n";
        let stages = stages(text).unwrap();
        assert_eq!(stages.len(), 2);
        assert_eq!(one(&stages[0], "RUN").unwrap(), "a     && b");
        assert_eq!(one(&stages[1], "USER").unwrap(), "1:1");
        assert!(one(&stages[1], "RUN").is_err());
        assert!(super::stages("RUN a\n").is_err());
    }
}
