//! Packages of a newer Debian, unpacked into a folder: nothing of the system is touched.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::runner::first_line;
use crate::Failure;

/// The newer Debian: 13.
pub(super) const SUITE: &str = "trixie";

/// Unpacks these packages into `root`, unless they are there.
pub(super) fn unpack(packages: &[&str], root: &Path) -> Result<(), Failure> {
    let done = root.join("unpacked");
    if done.exists() {
        return Ok(());
    }
    let apt = Apt::new(&root.with_extension("apt"))?;
    let needed_for = format!("{} of Debian {SUITE}", packages.join(", "));
    apt.run(&["update"], &needed_for)?;
    apt.run(&[&["download"], packages].concat(), &needed_for)?;
    let mut count = 0;
    for archive in entries(&apt.folder)? {
        if archive
            .extension()
            .is_some_and(|extension| extension == "deb")
        {
            let mut command = Command::new("dpkg-deb");
            command.arg("--extract").arg(&archive).arg(root);
            run(command, "dpkg-deb", &needed_for)?;
            count += 1;
        }
    }
    if count != packages.len() {
        return Err(Failure::new(format!(
            "apt-get has downloaded {count} packages where these were asked for: {needed_for}"
        )));
    }
    // The lists of packages are large, and of no more use.
    fs::remove_dir_all(&apt.folder).map_err(|error| in_folder(&apt.folder, &error))?;
    write(&done, "")
}

/// An apt of its own: the machine's sources of Debian, in the newer suite.
struct Apt {
    folder: PathBuf,
    configuration: PathBuf,
}

impl Apt {
    fn new(folder: &Path) -> Result<Self, Failure> {
        let apt = Self {
            folder: folder.to_owned(),
            configuration: folder.join("apt.conf"),
        };
        for needed in ["lists/partial", "cache/archives/partial", "sources"] {
            let needed = folder.join(needed);
            fs::create_dir_all(&needed).map_err(|error| in_folder(&needed, &error))?;
        }
        apt.copy_sources()?;
        let path = folder.display();
        let configuration = format!(
            "Dir::Etc::sourcelist \"/dev/null\";\n\
             Dir::Etc::sourceparts \"{path}/sources\";\n\
             Dir::Etc::preferences \"/dev/null\";\n\
             Dir::Etc::preferencesparts \"{path}/sources\";\n\
             Dir::State::lists \"{path}/lists\";\n\
             Dir::Cache \"{path}/cache\";\n\
             APT::Sandbox::User \"\";\n\
             Acquire::Languages \"none\";\n"
        );
        write(&apt.configuration, &configuration)?;
        Ok(apt)
    }

    fn copy_sources(&self) -> Result<(), Failure> {
        let this = fs::read_to_string("/etc/os-release").unwrap_or_default();
        let Some(suite) = codename(&this) else {
            return Err(Failure::new(format!(
                "the runner needs newer libraries than this machine's, and they come from Debian \
                 {SUITE}: /etc/os-release has no VERSION_CODENAME of an older Debian"
            )));
        };
        let mut files = vec![PathBuf::from("/etc/apt/sources.list")];
        files.extend(entries(Path::new("/etc/apt/sources.list.d")).unwrap_or_default());
        let mut found = false;
        for file in files {
            let Ok(text) = fs::read_to_string(&file) else {
                continue;
            };
            let text = match file.extension().and_then(|extension| extension.to_str()) {
                Some("sources") => stanzas(&text, suite),
                _ => lines(&text, suite),
            };
            if let (false, Some(name)) = (text.is_empty(), file.file_name()) {
                write(&self.folder.join("sources").join(name), &text)?;
                found = true;
            }
        }
        if found {
            Ok(())
        } else {
            Err(Failure::new(format!(
                "the runner needs newer libraries than this machine's, and they come from Debian \
                 {SUITE}: apt has no source of {suite} to take its place"
            )))
        }
    }

    fn run(&self, arguments: &[&str], needed_for: &str) -> Result<(), Failure> {
        let mut command = Command::new("apt-get");
        command
            .arg("--quiet")
            .args(arguments)
            .env("APT_CONFIG", &self.configuration)
            .current_dir(&self.folder);
        run(command, "apt-get", needed_for)
    }
}

/// The codename of this release of Debian.
fn codename(os_release: &str) -> Option<&str> {
    let is_debian = os_release.lines().any(|line| line == "ID=debian");
    let mut lines = os_release.lines();
    let name = lines.find_map(|line| line.strip_prefix("VERSION_CODENAME="))?;
    is_debian.then_some(name.trim_matches('"'))
}

/// Of a `.sources` file, the stanzas of this suite, with the newer one in its place.
fn stanzas(text: &str, suite: &str) -> String {
    let mut kept = String::new();
    for stanza in text.split("\n\n") {
        let is_of_suite = |line: &&str| {
            let suites = line.strip_prefix("Suites:");
            suites.is_some_and(|suites| suites.split_whitespace().any(|word| word == suite))
        };
        let Some(suites) = stanza.lines().find(is_of_suite) else {
            continue;
        };
        kept.push_str(&stanza.replace(suites, &format!("Suites: {SUITE}")));
        kept.push_str("\n\n");
    }
    kept
}

/// The same of lines such as `deb [signed-by=…] http://mirror.example/debian bookworm main`.
fn lines(text: &str, suite: &str) -> String {
    let mut kept = String::new();
    for line in text.lines() {
        if line.starts_with("deb ") && line.split_whitespace().any(|word| word == suite) {
            let words = line.split_whitespace();
            let words = words.map(|word| if word == suite { SUITE } else { word });
            kept.push_str(&words.collect::<Vec<_>>().join(" "));
            kept.push('\n');
        }
    }
    kept
}

fn run(mut command: Command, program: &str, needed_for: &str) -> Result<(), Failure> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| {
        Failure::new(format!(
            "{program} is missing, which fetches {needed_for}: {error}"
        ))
    })?;
    if output.status.success() {
        return Ok(());
    }
    Err(Failure::new(format!(
        "{program} can't fetch {needed_for}: {}",
        first_line(&output.stderr)
    )))
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let entries = fs::read_dir(folder).map_err(|error| in_folder(folder, &error))?;
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    Ok(paths)
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    fs::write(path, text).map_err(|error| in_folder(path, &error))
}

fn in_folder(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_suite_is_replaced_in_stanzas() {
        let text = "Types: deb\n# a comment\nURIs: http://one/debian\nSuites: bookworm bookworm-updates\n\
                    Signed-By: /key.gpg\n\nTypes: deb\nURIs: http://one/security\n\
                    Suites: bookworm-security\n\nTypes: deb\nURIs: http://two\nSuites: nodistro\n";
        assert_eq!(
            stanzas(text, "bookworm"),
            "Types: deb\n# a comment\nURIs: http://one/debian\nSuites: trixie\nSigned-By: /key.gpg\n\n"
        );
        assert_eq!(stanzas(text, "bullseye"), "");
    }

    #[test]
    fn the_suite_is_replaced_in_lines() {
        let text = "# deb http://one bookworm main\n\
                    deb [signed-by=/key.gpg] http://one bookworm main contrib\n\
                    deb-src http://one bookworm main\n\
                    deb http://one bookworm-updates main\n\
                    deb https://two cloud-sdk-bookworm main\n";
        assert_eq!(
            lines(text, "bookworm"),
            "deb [signed-by=/key.gpg] http://one trixie main contrib\n"
        );
    }

    #[test]
    fn only_debian_has_a_codename() {
        let debian = "ID=debian\nVERSION_CODENAME=bookworm\n";
        assert_eq!(codename(debian), Some("bookworm"));
        assert_eq!(codename("ID=ubuntu\nVERSION_CODENAME=jammy\n"), None);
        assert_eq!(codename("ID=debian\n"), None);
    }
}
