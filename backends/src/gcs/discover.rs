//! Credentials that lie about: in files where other programs keep them, and on Google's machines.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// What was found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    File(PathBuf),
    Metadata,
}

/// What is looked at.
pub(super) struct Surroundings<'a> {
    pub(super) variable: &'a dyn Fn(&str) -> Option<OsString>,
    pub(super) home: Option<PathBuf>,
    /// The directory that has everything; a test has one of its own.
    pub(super) root: &'a Path,
}

impl Surroundings<'_> {
    pub(super) fn real() -> Self {
        let variable = &|name: &str| env::var_os(name).filter(|value| !value.is_empty());
        Self { variable, home: env::home_dir(), root: Path::new("/") }
    }

    /// The credentials for a bucket; the order is told at
    /// [`surroundings`](super::Credentials::surroundings).
    pub(super) fn find(&self, bucket: &str) -> Option<Found> {
        if let Some(path) = self.path("GOOGLE_APPLICATION_CREDENTIALS") {
            return Some(Found::File(path));
        }
        let secrets = self.cloudvolume(bucket);
        let files = secrets.into_iter().chain(self.gcloud());
        if let Some(file) = files.into_iter().find(|file| file.is_file()) {
            return Some(Found::File(file));
        }
        self.is_googles().then_some(Found::Metadata)
    }

    fn path(&self, variable: &str) -> Option<PathBuf> {
        (self.variable)(variable).map(PathBuf::from)
    }

    fn home(&self, below: &str) -> Option<PathBuf> {
        self.home.as_ref().map(|home| home.join(below))
    }

    fn cloudvolume(&self, bucket: &str) -> Vec<PathBuf> {
        let directories = [
            self.path("CLOUD_VOLUME_DIR").map(|directory| directory.join("secrets")),
            self.home(".cloudvolume/secrets"),
            self.home(".cloudfiles/secrets"),
            Some(self.root.join("secrets")),
        ];
        let names = [format!("{bucket}-google-secret.json"), "google-secret.json".to_owned()];
        let all = |name: &String| {
            directories.iter().flatten().map(|directory| directory.join(name)).collect::<Vec<_>>()
        };
        names.iter().flat_map(all).collect()
    }

    fn gcloud(&self) -> Option<PathBuf> {
        let directory = self.path("CLOUDSDK_CONFIG").or_else(|| self.home(".config/gcloud"));
        directory.map(|directory| directory.join("application_default_credentials.json"))
    }

    /// Whether the firmware says that this machine is Google's. Asking the metadata server itself
    /// hangs where there is none.
    fn is_googles(&self) -> bool {
        let product = self.root.join("sys/class/dmi/id/product_name");
        std::fs::read_to_string(product).is_ok_and(|name| name.trim().starts_with("Google"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    use tempfile::TempDir;

    struct Machine {
        root: TempDir,
        variables: Vec<(&'static str, PathBuf)>,
    }

    impl Machine {
        fn new() -> Self {
            Self { root: TempDir::new().unwrap(), variables: Vec::new() }
        }

        fn file(&self, path: &str, text: &str) -> PathBuf {
            let path = self.root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            path
        }

        fn find(&self) -> Option<Found> {
            let variable = |name: &str| {
                let found = self.variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| value.clone().into_os_string())
            };
            let home = Some(self.root.path().join("home"));
            Surroundings { variable: &variable, home, root: self.root.path() }.find("brain")
        }
    }

    #[test]
    fn the_nearest_credentials_win() {
        let mut machine = Machine::new();
        assert_eq!(machine.find(), None);
        machine.file("sys/class/dmi/id/product_name", "Standard PC\n");
        assert_eq!(machine.find(), None);
        machine.file("sys/class/dmi/id/product_name", "Google Compute Engine\n");
        assert_eq!(machine.find(), Some(Found::Metadata));
        for nearer in [
            "home/.config/gcloud/application_default_credentials.json",
            "secrets/google-secret.json",
            "home/.cloudvolume/secrets/google-secret.json",
            "secrets/brain-google-secret.json",
            "home/.cloudfiles/secrets/brain-google-secret.json",
            "home/.cloudvolume/secrets/brain-google-secret.json",
        ] {
            let file = machine.file(nearer, "{}");
            assert_eq!(machine.find(), Some(Found::File(file)), "{nearer}");
        }
        let directory = machine.file("cv/secrets/brain-google-secret.json", "{}");
        machine.variables.push(("CLOUD_VOLUME_DIR", machine.root.path().join("cv")));
        assert_eq!(machine.find(), Some(Found::File(directory)));
        // One that is named is used also if it does not exist: that is a slip to be told.
        machine.variables.push(("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere.json".into()));
        assert_eq!(machine.find(), Some(Found::File("/nowhere.json".into())));
    }

    #[test]
    fn the_secret_of_another_bucket_is_left_alone() {
        let machine = Machine::new();
        machine.file("home/.cloudvolume/secrets/heart-google-secret.json", "{}");
        assert_eq!(machine.find(), None);
    }

    #[test]
    fn gcloud_may_have_its_files_elsewhere() {
        let mut machine = Machine::new();
        let file = machine.file("cfg/application_default_credentials.json", "{}");
        machine.variables.push(("CLOUDSDK_CONFIG", machine.root.path().join("cfg")));
        assert_eq!(machine.find(), Some(Found::File(file)));
    }
}
