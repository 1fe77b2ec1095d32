//! Layers made to be odd (tests/fixtures/builder), and what the reference makes of each.

use super::*;
use crate::format::ztoc::Ztoc;

fn read(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/fixtures/builder/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// What the reference refuses: what becomes of it here. The others are built, as docs/soci-compat.md tells.
const REFUSED: &[(&str, Code)] = &[("../tar/sparse-gnu.tar.gz", Code::Unsupported)];

#[test]
fn every_ztoc_equals_the_references_or_is_decided_on() {
    let (mut equal, mut decided, mut wrong) = (0, 0, Vec::new());
    for line in String::from_utf8(read("reference.txt")).unwrap().lines() {
        let mut fields = line.splitn(4, ' ');
        let (Some(name), Some(span), Some(want)) = (fields.next(), fields.next(), fields.next()) else {
            panic!("{line}")
        };
        let layer = read(name);
        let built = build(&layer, compression(&layer), span.parse().unwrap(), 1000);
        if want == "ERROR" {
            decided += 1;
            let refused = REFUSED.iter().find(|r| r.0 == name).map(|r| r.1);
            if built.as_ref().err().map(Error::code) != refused {
                wrong.push(format!("{name} {span}: {:?}", built.map(drop)));
            } else if let Ok(built) = built {
                Ztoc::parse(built.to_bytes().unwrap().0.into(), &Limits::default()).unwrap();
            }
            continue;
        }
        let loads = fields.next() == Some("loads");
        match built {
            Err(e) => wrong.push(format!("{name} {span}: {e:?}")),
            Ok(built) => {
                let (bytes, digest) = built.to_bytes().unwrap();
                if digest.to_string() != want || built.loads_in_reference != loads {
                    wrong.push(format!("{name} {span}: {digest}, loads {}", built.loads_in_reference));
                } else if let Err(e) = Ztoc::parse(bytes.into(), &Limits::default()) {
                    wrong.push(format!("{name} {span}: unreadable: {e:?}"));
                }
                equal += 1;
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!((equal, decided), (196, 44));
}
