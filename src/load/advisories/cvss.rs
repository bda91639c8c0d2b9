//! How bad a vulnerability is, from a CVSS 3 vector or a distribution's own word.
//!
//! # Source
//! The base score of the CVSS v3.1 specification, section 7.1, and its rating in section 5. Vectors of version 2 and 4
//! say nothing here.

use crate::model::Severity;

/// A distribution's word.
pub(super) fn word(word: &str) -> Option<Severity> {
    match word.trim_end_matches('*') {
        "negligible" | "unimportant" => Some(Severity::Info),
        "low" | "end-of-life" => Some(Severity::Low),
        "medium" => Some(Severity::Medium),
        "high" => Some(Severity::High),
        "critical" => Some(Severity::Critical),
        _ => None,
    }
}

/// The rating of a vector's base score.
pub(super) fn severity(vector: &str) -> Option<Severity> {
    let tenths = base_tenths(vector)?;
    Some(match tenths {
        0 => Severity::Info,
        1..40 => Severity::Low,
        40..70 => Severity::Medium,
        70..90 => Severity::High,
        _ => Severity::Critical,
    })
}

/// The base score in tenths.
fn base_tenths(vector: &str) -> Option<u32> {
    let metrics = vector.strip_prefix("CVSS:3.0/").or_else(|| vector.strip_prefix("CVSS:3.1/"))?;
    let metric = |name: &str| {
        metrics
            .split('/')
            .find_map(|part| part.split_once(':').filter(|(key, _)| *key == name))
            .map(|(_, value)| value)
    };
    let changed = match metric("S")? {
        "C" => true,
        "U" => false,
        _ => return None,
    };
    let impact_of = |name| match metric(name)? {
        "H" => Some(0.56),
        "L" => Some(0.22),
        "N" => Some(0.0),
        _ => None,
    };
    let (c, i, a): (f64, f64, f64) = (impact_of("C")?, impact_of("I")?, impact_of("A")?);
    let base = 1.0 - (1.0 - c) * (1.0 - i) * (1.0 - a);
    let impact = match changed {
        true => 7.52 * (base - 0.029) - 3.25 * (base - 0.02).powi(15),
        false => 6.42 * base,
    };
    if impact <= 0.0 {
        return Some(0);
    }
    let score = impact + exploitability(&metric, changed)?;
    Some(rounded_up(if changed { 1.08 * score } else { score }.min(10.0)))
}

fn exploitability<'a>(metric: &impl Fn(&str) -> Option<&'a str>, changed: bool) -> Option<f64> {
    let vector = match metric("AV")? {
        "N" => 0.85,
        "A" => 0.62,
        "L" => 0.55,
        "P" => 0.2,
        _ => return None,
    };
    let complexity = match metric("AC")? {
        "L" => 0.77,
        "H" => 0.44,
        _ => return None,
    };
    let privileges = match (metric("PR")?, changed) {
        ("N", _) => 0.85,
        ("L", true) => 0.68,
        ("L", false) => 0.62,
        ("H", true) => 0.5,
        ("H", false) => 0.27,
        _ => return None,
    };
    let interaction = match metric("UI")? {
        "N" => 0.85,
        "R" => 0.62,
        _ => return None,
    };
    Some(8.22 * vector * complexity * privileges * interaction)
}

/// The smallest number of tenths that is not less, with the specification's guard against rounding errors.
fn rounded_up(score: f64) -> u32 {
    let fine = (score * 100_000.0).round();
    let tenths = (fine / 10_000.0).ceil().clamp(0.0, 100.0);
    (0..=100).rev().find(|whole| f64::from(*whole) <= tenths).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_those_that_the_specification_gives() {
        for (vector, tenths) in [
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 98),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 100),
            ("CVSS:3.0/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 61),
            ("CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H", 78),
            ("CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:U/C:H/I:N/A:N", 59),
            ("CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H", 75),
            ("CVSS:3.1/AV:P/AC:L/PR:N/UI:N/S:U/C:N/I:L/A:N", 24),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", 0),
        ] {
            assert_eq!(base_tenths(vector), Some(tenths), "{vector}");
        }
    }

    #[test]
    fn what_is_no_such_vector_says_nothing() {
        for text in
            ["", "9.8", "CVSS:4.0/AV:N/AC:L", "CVSS:3.1/AV:N", "CVSS:3.1/AV:X/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"]
        {
            assert_eq!(severity(text), None, "{text}");
        }
    }
}
