//! Filters on numbers, and chance. Chance always needs a seed: a dry run and the run after it must agree.

use crate::template::call::{Call, Word, kind_of, text_of, wrong};
use crate::template::chance::Chance;
use minijinja::value::ValueKind;
use minijinja::{Error, State, Value};

pub(super) const FILTERS: &[Word] = &[
    Word { name: "random", params: &["end", "start", "step", "seed"], body: random },
    Word { name: "shuffle", params: &["seed"], body: shuffle },
    Word { name: "log", params: &["base"], body: log },
    Word {
        name: "pow",
        params: &["y"],
        body: |_, call| Ok(Value::from(number(&call.operand)?.powf(number(call.need("y")?)?))),
    },
    Word { name: "root", params: &["base"], body: root },
    Word { name: "human_readable", params: &["isbits", "unit"], body: human_readable },
    Word { name: "human_to_bytes", params: &["default_unit", "isbits"], body: human_to_bytes },
    Word { name: "filesizeformat", params: &["binary"], body: filesizeformat },
];

fn number(value: &Value) -> Result<f64, Error> {
    f64::try_from(value.clone()).map_err(|_| wrong(format!("a number is needed, not {}", kind_of(value))))
}

fn chance(call: &Call) -> Result<Chance, Error> {
    match call.arg("seed").filter(|seed| !seed.is_none()) {
        Some(seed) if seed.is_integer() => {
            let seed = i64::try_from(seed.clone()).map_err(|_| call.wrong("the seed is too large"))?;
            Ok(Chance::from_number(seed.unsigned_abs()))
        }
        Some(seed) => Ok(Chance::from_text(&text_of(seed)?)),
        None => {
            Err(call.wrong("give it a seed, so that every run comes to the same: seed=inventory_hostname"))
        }
    }
}

/// One of a list, or a number below the operand (from `start`, in steps of `step`).
fn random(_: &mut State, call: &Call) -> Result<Value, Error> {
    let mut chance = chance(call)?;
    if call.operand.kind() != ValueKind::Number {
        let items = call.items()?;
        if items.is_empty() {
            return Err(call.wrong("the list is empty"));
        }
        let at = usize::try_from(chance.below(items.len() as u64)).unwrap_or_default();
        return Ok(items.get(at).cloned().unwrap_or_default());
    }
    let end = i64::try_from(call.operand.clone())?;
    let (start, step) = (call.integer("start")?.unwrap_or(0), call.integer("step")?.unwrap_or(1));
    let width = end.checked_sub(start).filter(|width| *width > 0 && step > 0);
    let width = width.ok_or_else(|| call.wrong(format!("there is no number from {start} below {end}")))?;
    let choices = (width - 1) / step + 1;
    Ok(Value::from(start + step * i64::try_from(chance.below(choices.unsigned_abs())).unwrap_or_default()))
}

fn shuffle(_: &mut State, call: &Call) -> Result<Value, Error> {
    let (mut chance, mut items) = (chance(call)?, call.items()?);
    for at in (1..items.len()).rev() {
        let other = usize::try_from(chance.below(at as u64 + 1)).unwrap_or_default();
        items.swap(at, other);
    }
    Ok(Value::from(items))
}

fn log(_: &mut State, call: &Call) -> Result<Value, Error> {
    let operand = number(&call.operand)?;
    Ok(Value::from(match call.arg("base") {
        Some(base) if *base == Value::from(10) => operand.log10(),
        Some(base) => operand.log(number(base)?),
        None => operand.ln(),
    }))
}

fn root(_: &mut State, call: &Call) -> Result<Value, Error> {
    let operand = number(&call.operand)?;
    let base = call.arg("base").map_or(Ok(2.0), number)?;
    #[expect(clippy::float_cmp, reason = "the base is what somebody wrote, not the result of a calculation")]
    let square = base == 2.0;
    Ok(Value::from(if square { operand.sqrt() } else { operand.powf(1.0 / base) }))
}

const UNITS: [char; 8] = ['Y', 'Z', 'E', 'P', 'T', 'G', 'M', 'K'];

fn unit_size(unit: char) -> Option<f64> {
    let place = UNITS.iter().rev().position(|known| *known == unit.to_ascii_uppercase())?;
    Some((0..=place).fold(1.0, |size, _| size * 1024.0))
}

fn human_readable(_: &mut State, call: &Call) -> Result<Value, Error> {
    let size = number(&call.operand)?;
    let base = if call.is_set("isbits") { "bits" } else { "Bytes" };
    let wanted = call.text("unit")?;
    let fits = |unit: &&char| match &wanted {
        Some(wanted) => wanted.starts_with(**unit) || wanted.starts_with(unit.to_ascii_lowercase()),
        None => unit_size(**unit).is_some_and(|limit| size >= limit),
    };
    let suffix = base.get(..1).unwrap_or_default();
    Ok(Value::from(match UNITS.iter().find(fits) {
        Some(unit) => format!("{:.2} {unit}{suffix}", size / unit_size(*unit).unwrap_or(1.0)),
        None => format!("{size:.2} {base}"),
    }))
}

fn human_to_bytes(_: &mut State, call: &Call) -> Result<Value, Error> {
    let text = call.operand_text()?;
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ' ').unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let amount: f64 = digits.trim().parse().map_err(|_| call.wrong(format!("'{text}' is no size")))?;
    let unit = match unit.trim() {
        "" => call.text("default_unit")?.unwrap_or_default(),
        unit => unit.to_owned(),
    };
    let size = match unit.chars().next() {
        None | Some('b' | 'B') => Some(1.0),
        Some(letter) => unit_size(letter),
    };
    let size = size.ok_or_else(|| call.wrong(format!("there is no unit '{unit}'")))?;
    Ok(Value::from((amount * size).round() as i64))
}

fn filesizeformat(_: &mut State, call: &Call) -> Result<Value, Error> {
    let bytes = number(&call.operand)?;
    let (base, infix) = if call.is_set("binary") { (1024.0, "i") } else { (1000.0, "") };
    if bytes < base {
        let unit = if bytes as i64 == 1 { "Byte" } else { "Bytes" };
        return Ok(Value::from(format!("{} {unit}", bytes as i64)));
    }
    let (mut size, mut unit) = (bytes / base, 'k');
    for next in ['M', 'G', 'T', 'P', 'E', 'Z', 'Y'] {
        if size < base {
            break;
        }
        (size, unit) = (size / base, next);
    }
    let unit = if infix.is_empty() { unit } else { unit.to_ascii_uppercase() };
    Ok(Value::from(format!("{size:.1} {unit}{infix}B")))
}
