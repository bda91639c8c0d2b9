//! The first roster of a working group, as `wgops init` writes it.

use super::{Key, Nda, PeopleError};
use crate::model::{OperatorName, Role};
use indexmap::IndexMap;
use serde::Serialize;

const HEAD: &str = "\
# Who is in the working group, and what each may do: lead, operator, shadow, auditor or left.
# An operator and a lead change servers as long as their nda counts; a shadow sees what would happen.
# What counts is signed by a lead: 'wgops operators add sam --key sam.pub', or change this file and
# type 'wgops operators sign'.
";

#[derive(Serialize)]
struct FirstRoster<'a> {
    version: u64,
    group: &'a str,
    operators: IndexMap<&'a str, FirstLead<'a>>,
}

#[derive(Serialize)]
struct FirstLead<'a> {
    role: Role,
    nda: FirstNda<'a>,
    keys: [String; 1],
}

#[derive(Serialize)]
struct FirstNda<'a> {
    signed: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<&'a str>,
}

pub(super) fn roster(
    group: &str,
    operator: &OperatorName,
    key: &Key,
    nda: &Nda,
) -> Result<String, PeopleError> {
    let keys = [format!("{} {}", key.text(), key.comment()).trim().to_owned()];
    let until = nda.until.map(|day| day.to_string());
    let nda = FirstNda { signed: nda.signed.to_string(), until, reference: nda.reference.as_deref() };
    let lead = FirstLead { role: Role::Lead, nda, keys };
    let roster = FirstRoster { version: 1, group, operators: IndexMap::from([(operator.as_str(), lead)]) };
    let body = serde_yaml::to_string(&roster)?;
    Ok(format!("{HEAD}{body}"))
}
