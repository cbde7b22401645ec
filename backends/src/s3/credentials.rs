//! Who asks, and where that is written.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use super::ini;
use crate::remote::Secret;

/// A key pair, with a token if it is a temporary one. `Debug` does not show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    pub(super) access_key: Secret,
    pub(super) secret_key: Secret,
    pub(super) session_token: Option<Secret>,
}

impl Credentials {
    /// A key pair.
    #[must_use]
    pub fn new(access_key: impl Into<Secret>, secret_key: impl Into<Secret>) -> Self {
        let (access_key, secret_key) = (access_key.into(), secret_key.into());
        Self { access_key, secret_key, session_token: None }
    }

    /// With the token of a session.
    #[must_use]
    pub fn with_session_token(mut self, token: impl Into<Secret>) -> Self {
        self.session_token = Some(token.into());
        self
    }
}

/// What was found, and where was looked.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) credentials: Option<Credentials>,
    pub(super) region: Option<String>,
    pub(super) endpoint: Option<String>,
    /// Every place that was looked at, in words.
    pub(super) looked: Vec<String>,
}

/// What a program finds around it; tests make their own.
pub(super) struct Surroundings<'a> {
    pub(super) variable: &'a dyn Fn(&str) -> Option<String>,
    pub(super) home: Option<PathBuf>,
    /// Where containers have their secrets.
    pub(super) secrets: PathBuf,
}

impl Surroundings<'_> {
    /// Those of this process.
    pub(super) fn real() -> Self {
        Surroundings {
            variable: &|name| env::var(name).ok(),
            home: env::home_dir(),
            secrets: PathBuf::from("/secrets"),
        }
    }

    fn variable(&self, name: &str) -> Option<String> {
        (self.variable)(name).filter(|text| !text.is_empty())
    }

    /// Looks for region and endpoint only, in the environment.
    pub(super) fn without_credentials(&self) -> Found {
        let either = |one, other| self.variable(one).or_else(|| self.variable(other));
        Found {
            region: either("AWS_REGION", "AWS_DEFAULT_REGION"),
            endpoint: either("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"),
            ..Found::default()
        }
    }

    /// Looks for credentials, region and endpoint: in the section `profile` if one is named, then
    /// the environment, the profile files, and the files of CloudVolume.
    ///
    /// # Errors
    /// If a profile was named and is not there, in words.
    pub(super) fn look(&self, bucket: &str, profile: Option<&str>) -> Result<Found, String> {
        let mut found = self.without_credentials();
        match profile {
            Some(profile) => {
                self.in_profile(profile, &mut found);
                if found.credentials.is_none() {
                    return Err(format!(
                        "there are no credentials of the profile {profile:?} in {}",
                        found.looked.join(", ")
                    ));
                }
            }
            None => {
                self.in_environment(&mut found);
                let profile = self.variable("AWS_PROFILE").unwrap_or_else(|| "default".into());
                self.in_profile(&profile, &mut found);
                self.in_secrets(bucket, &mut found);
            }
        }
        Ok(found)
    }

    fn in_environment(&self, found: &mut Found) {
        found.looked.push("the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY)".into());
        let pair = (self.variable("AWS_ACCESS_KEY_ID"), self.variable("AWS_SECRET_ACCESS_KEY"));
        if let (Some(access), Some(secret)) = pair {
            let token = self.variable("AWS_SESSION_TOKEN");
            found.credentials = Some(pair_of(access, secret, token));
        }
    }

    fn in_profile(&self, profile: &str, found: &mut Found) {
        let file = |variable, name| {
            let named = self.variable(variable).map(PathBuf::from);
            named.or_else(|| Some(self.home.as_ref()?.join(".aws").join(name)))
        };
        // Region and endpoint belong to the credentials of the same profile.
        let wanted = found.credentials.is_none();
        for (path, section) in [
            (file("AWS_SHARED_CREDENTIALS_FILE", "credentials"), profile.to_owned()),
            (file("AWS_CONFIG_FILE", "config"), config_section(profile)),
        ] {
            let Some(path) = path else { continue };
            if wanted {
                found.looked.push(format!("{} [{section}]", path.display()));
            }
            let Ok(text) = fs::read_to_string(&path) else { continue };
            let value = |name: &str| ini::value(&text, &section, name);
            let pair = (value("aws_access_key_id"), value("aws_secret_access_key"));
            if let (None, (Some(access), Some(secret))) = (&found.credentials, pair) {
                found.credentials = Some(pair_of(access, secret, value("aws_session_token")));
            }
            if wanted {
                found.region = found.region.take().or_else(|| value("region"));
                found.endpoint = found.endpoint.take().or_else(|| value("endpoint_url"));
            }
        }
    }

    fn in_secrets(&self, bucket: &str, found: &mut Found) {
        if found.credentials.is_some() {
            return;
        }
        let home = |folder| Some(self.home.as_ref()?.join(folder).join("secrets"));
        let folders = [home(".cloudvolume"), home(".cloudfiles"), Some(self.secrets.clone())];
        for name in [format!("{bucket}-aws-secret.json"), "aws-secret.json".to_owned()] {
            for folder in folders.iter().flatten() {
                let path = folder.join(&name);
                found.looked.push(path.display().to_string());
                if read_secret(&path, found) {
                    return;
                }
            }
        }
    }
}

/// In the file of credentials a section is called as its profile, in the other one not.
fn config_section(profile: &str) -> String {
    match profile {
        "default" => "default".to_owned(),
        profile => format!("profile {profile}"),
    }
}

fn pair_of(access: String, secret: String, token: Option<String>) -> Credentials {
    let pair = Credentials::new(access, secret);
    match token {
        Some(token) => pair.with_session_token(token),
        None => pair,
    }
}

/// Takes what CloudVolume would take from a file, and tells whether there were credentials.
fn read_secret(path: &Path, found: &mut Found) -> bool {
    fs::read(path).is_ok_and(|text| take_secret(&text, found))
}

pub(super) fn take_secret(text: &[u8], found: &mut Found) -> bool {
    let Ok(json) = serde_json::from_slice::<serde_json::Value>(text) else { return false };
    let field = |name: &str| json.get(name)?.as_str().map(str::to_owned).filter(|t| !t.is_empty());
    let pair = (field("AWS_ACCESS_KEY_ID"), field("AWS_SECRET_ACCESS_KEY"));
    let (Some(access), Some(secret)) = pair else { return false };
    found.credentials = Some(pair_of(access, secret, field("AWS_SESSION_TOKEN")));
    let or_field =
        |old: Option<String>, names: [&str; 3]| old.or_else(|| names.into_iter().find_map(field));
    let region = ["AWS_DEFAULT_REGION", "AWS_REGION", "region"];
    found.region = or_field(found.region.take(), region);
    let endpoint = ["endpoint", "AWS_ENDPOINT_URL", "endpoint_url"];
    found.endpoint = or_field(found.endpoint.take(), endpoint);
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    struct Place {
        home: tempfile::TempDir,
        variables: HashMap<&'static str, String>,
    }

    impl Place {
        fn new() -> Self {
            Self { home: tempfile::tempdir().unwrap(), variables: HashMap::new() }
        }

        fn file(&self, name: &str, text: &str) {
            let path = self.home.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }

        fn look(&self, profile: Option<&str>) -> Result<Found, String> {
            let variable = |name: &str| self.variables.get(name).cloned();
            let (home, secrets) = (self.home.path().to_owned(), self.home.path().join("root"));
            let around = Surroundings { variable: &variable, home: Some(home), secrets };
            around.look("vol", profile)
        }

        fn access(&self, profile: Option<&str>) -> Option<String> {
            let credentials = self.look(profile).unwrap().credentials;
            credentials.map(|pair| pair.access_key.reveal().to_owned())
        }
    }

    fn json(access: &str) -> String {
        format!(r#"{{"AWS_ACCESS_KEY_ID": "{access}", "AWS_SECRET_ACCESS_KEY": "hunter2"}}"#)
    }

    #[test]
    fn each_place_goes_before_those_behind_it() {
        let mut place = Place::new();
        assert_eq!(place.access(None), None);
        place.file("root/aws-secret.json", &json("container"));
        assert_eq!(place.access(None).unwrap(), "container");
        place.file(".cloudvolume/secrets/aws-secret.json", &json("cloudvolume"));
        assert_eq!(place.access(None).unwrap(), "cloudvolume");
        place.file(".cloudvolume/secrets/vol-aws-secret.json", &json("bucket"));
        assert_eq!(place.access(None).unwrap(), "bucket");
        let section = |name, key| {
            format!("[{name}]\naws_access_key_id = {key}\naws_secret_access_key = hunter2\n")
        };
        let (one, two) = (section("default", "default"), section("lab", "lab"));
        place.file(".aws/credentials", &format!("{one}{two}"));
        assert_eq!(place.access(None).unwrap(), "default");
        place.variables.insert("AWS_PROFILE", "lab".into());
        assert_eq!(place.access(None).unwrap(), "lab");
        place.variables.insert("AWS_ACCESS_KEY_ID", "environment".into());
        place.variables.insert("AWS_SECRET_ACCESS_KEY", "hunter2".into());
        assert_eq!(place.access(None).unwrap(), "environment");
        assert_eq!(place.access(Some("lab")).unwrap(), "lab");
    }

    #[test]
    fn a_named_profile_that_is_not_there_is_an_error_that_says_where_was_looked() {
        let mut place = Place::new();
        let elsewhere = place.home.path().join("elsewhere");
        place.variables.insert("AWS_SHARED_CREDENTIALS_FILE", elsewhere.display().to_string());
        let error = place.look(Some("lab")).unwrap_err();
        assert!(error.contains("\"lab\"") && error.contains("elsewhere [lab]"), "{error}");
    }

    #[test]
    fn region_and_endpoint_come_with_the_credentials_and_the_environment_goes_first() {
        let mut place = Place::new();
        place.file(
            ".aws/credentials",
            "[default]\naws_access_key_id=a\naws_secret_access_key=hunter2\n\
             aws_session_token=t\nendpoint_url = http://one:1\n",
        );
        place.file(".aws/config", "[default]\nregion = eu-north-1\n[profile lab]\nregion = x\n");
        let found = place.look(None).unwrap();
        assert_eq!(found.region.as_deref(), Some("eu-north-1"));
        assert_eq!(found.endpoint.as_deref(), Some("http://one:1"));
        assert_eq!(found.credentials.unwrap().session_token.unwrap().reveal(), "t");
        place.variables.insert("AWS_DEFAULT_REGION", "r2".into());
        place.variables.insert("AWS_ENDPOINT_URL", "http://two:2".into());
        let found = place.look(None).unwrap();
        assert_eq!(found.region.as_deref(), Some("r2"));
        assert_eq!(found.endpoint.as_deref(), Some("http://two:2"));
        place.variables.insert("AWS_REGION", "r1".into());
        place.variables.insert("AWS_ENDPOINT_URL_S3", "http://three:3".into());
        let found = place.look(None).unwrap();
        assert_eq!(found.region.as_deref(), Some("r1"));
        assert_eq!(found.endpoint.as_deref(), Some("http://three:3"));
    }

    #[test]
    fn nothing_that_is_looked_at_shows_a_secret() {
        let place = Place::new();
        place.file(".cloudvolume/secrets/aws-secret.json", &json("access"));
        place.file(".aws/credentials", "[default]\naws_access_key_id = half of a pair");
        let found = place.look(None).unwrap();
        assert_eq!(found.credentials.as_ref().unwrap().secret_key.reveal(), "hunter2");
        assert!(!format!("{found:?} {found:#?}").contains("hunter2"));
    }
}
