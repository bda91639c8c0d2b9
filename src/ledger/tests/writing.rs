//! Writing goes wrong, or is done twice at once.

use super::*;

#[test]
fn what_an_interrupted_write_left_is_noted_and_cleared_by_the_next_append() {
    let (ops, entries) = Ops::filled();
    let beside = |name: &str| entries[2].file.with_file_name(name);
    std::fs::write(beside("00000004.private.json"), "{}").unwrap();
    std::fs::write(beside("00000004.json.sig"), "half").unwrap();
    std::fs::write(beside(".tmpAbC"), "half").unwrap();
    assert_eq!((ops.breaks().len(), ops.report().rests.len()), (0, 2));
    ops.append("oscar", 2, &note("after"));
    assert_eq!((ops.breaks().len(), ops.report().entries), (0, 5));

    std::fs::write(beside("00000005.json"), "{}").unwrap();
    assert_eq!(ops.breaks().iter().filter(|line| line.contains("has no signature")).count(), 1);
    ops.append("oscar", 2, &note("after"));
    assert_eq!(ops.breaks(), [""; 0]);
    assert!(beside("00000005.json.torn").exists());
}

#[test]
fn an_unreadable_head_stops_its_owner_with_what_to_do() {
    let (ops, entries) = Ops::filled();
    std::fs::write(&entries[2].file, "{").unwrap();
    let error = ops.try_append("oscar", 2, &note("x")).unwrap_err().to_string();
    assert!(error.contains("git checkout") && error.contains("00000003.json"), "{error}");
}

#[test]
fn a_key_that_signs_wrongly_leaves_no_entry() {
    struct Other(FileSigner);
    impl Signer for Other {
        fn public_key(&self) -> &str {
            self.0.public_key()
        }
        fn sign(&self, namespace: &str, _: &[u8]) -> Result<String, crate::model::SignError> {
            self.0.sign(namespace, b"something else")
        }
    }
    let ops = Ops::new();
    let ledger = ops.ledger_of("oscar", 2).unwrap();
    let nonce = Nonce::from_bytes([1; 32]);
    let stamp = Stamp {
        signer: &Other(signer(2)),
        now: Timestamp::UNIX_EPOCH,
        nonce: &nonce,
        scrub: &|text| text.into(),
    };
    assert!(matches!(ledger.append(&note("x"), &stamp), Err(LedgerError::BadSignature(_))));
    assert_eq!(ops.report().entries, 0);
}

#[test]
fn two_at_once_write_one_chain_without_a_gap() {
    let ops = Ops::new();
    let ledger = ops.ledger_of("oscar", 2).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for second in 0..5 {
                    let nonce = Nonce::from_bytes([1; 32]);
                    let now = Timestamp::from_second(NOON + second).unwrap();
                    let stamp = Stamp { signer: &signer(2), now, nonce: &nonce, scrub: &|text| text.into() };
                    ledger.append(&note("x"), &stamp).unwrap();
                }
            });
        }
    });
    assert_eq!((ops.breaks(), ops.report().entries), (Vec::new(), 20));
}
