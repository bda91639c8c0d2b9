//! What an account has to show when it connects (`tls_requires`): any TLS, a certificate, or one of a kind.

use crate::model::Value;
use crate::questions::Stop;
use crate::questions::mysql::text;

/// What is asked about an account.
pub const COLUMNS: &str = "ssl_type, ssl_cipher, x509_issuer, x509_subject";

/// What an account has to show.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tls {
    /// As `mysql.user` has it: nothing, `ANY`, `X509` or `SPECIFIED`.
    kind: &'static str,
    /// Cipher, issuer and subject.
    parts: [String; 3],
}

const PARTS: [&str; 3] = ["CIPHER", "ISSUER", "SUBJECT"];

impl Tls {
    /// What a task wants: `SSL`, `X509`, or some of `CIPHER`, `ISSUER` and `SUBJECT`; nothing: no TLS.
    ///
    /// # Errors
    /// It wants something else.
    pub fn wanted(given: &Value) -> Result<Self, Stop> {
        let wrong =
            || Stop::refuse("'tls_requires' must be a mapping with SSL, X509, CIPHER, ISSUER or SUBJECT");
        let keys = given.as_object().ok_or_else(wrong)?;
        let mut wanted = Self { kind: "", parts: Default::default() };
        for (key, value) in keys {
            let name = key.to_uppercase();
            match (name.as_str(), PARTS.iter().position(|part| *part == name)) {
                ("SSL", _) if wanted.kind.is_empty() => wanted.kind = "ANY",
                ("SSL", _) => {}
                ("X509", _) if wanted.kind != "SPECIFIED" => wanted.kind = "X509",
                ("X509", _) => {}
                (_, Some(part)) => {
                    wanted.kind = "SPECIFIED";
                    let value = value.as_str().ok_or_else(wrong)?;
                    if let Some(place) = wanted.parts.get_mut(part) {
                        value.clone_into(place);
                    }
                }
                _ => return Err(wrong()),
            }
        }
        Ok(wanted)
    }

    /// Whether an account's row says just this.
    pub fn is(&self, row: &str) -> bool {
        let mut fields = row.split('\t').map(str::trim_end);
        let kind = fields.next().unwrap_or_default();
        kind == self.kind && (kind != "SPECIFIED" || fields.eq(self.parts.iter().map(String::as_str)))
    }

    /// The clause behind an account.
    pub fn clause(&self) -> String {
        let specified = || {
            let given = PARTS.iter().zip(&self.parts).filter(|(_, value)| !value.is_empty());
            given.map(|(part, value)| format!("{part} {}", text(value))).collect::<Vec<_>>().join(" AND ")
        };
        let what = match self.kind {
            "" => "NONE".to_owned(),
            "ANY" => "SSL".to_owned(),
            "SPECIFIED" => specified(),
            other => other.to_owned(),
        };
        format!(" REQUIRE {what}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_an_account_has_to_show_is_compared_and_said() {
        let wanted = |given: Value| Tls::wanted(&given).unwrap();
        let none = wanted(json!({}));
        assert!(none.is("\t\t\t") && none.is("") && !none.is("ANY\t\t\t"));
        assert_eq!(none.clause(), " REQUIRE NONE");
        let any = wanted(json!({"SSL": null}));
        assert!(any.is("ANY\t\t\t") && !any.is("X509\t\t\t"));
        assert_eq!(
            (any.clause().as_str(), wanted(json!({"x509": null})).clause().as_str()),
            (" REQUIRE SSL", " REQUIRE X509")
        );
        let own = wanted(json!({"SUBJECT": "/CN=al", "ISSUER": "/CN=it's"}));
        assert!(own.is("SPECIFIED\t\t/CN=it's\t/CN=al\n") && !own.is("SPECIFIED\t\t/CN=it's\t/CN=jo"));
        assert_eq!(own.clause(), format!(" REQUIRE ISSUER {} AND SUBJECT '/CN=al'", text("/CN=it's")));
        for wrong in [json!("SSL"), json!({"TLS": null}), json!({"CIPHER": 1})] {
            assert!(Tls::wanted(&wrong).is_err(), "{wrong}");
        }
    }
}
