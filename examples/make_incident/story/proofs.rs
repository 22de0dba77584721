//! What the proofs log while a stage runs. Each takes the moment it starts and gives the one it ends.

use super::timeline::{MINUTE, SECOND};
use super::worker::{Night, Voice};

const SEAL: &str = "filecoin_proofs::api::seal";
const PROOF: &str = "storage_proofs_porep::stacked::vanilla::proof";
const LABELS: &str = "storage_proofs_porep::stacked::vanilla::create_label::multi";
const CACHE: &str = "storage_proofs_porep::stacked::vanilla::cache";
const PROVER: &str = "bellperson::groth16::prover";
const LOCKS: &str = "bellperson::gpu::locks";
const PARENTS: &str = "/var/tmp/filecoin-parents/v28-sdr-parent-21981246c370f9d76c7a77ab273d94bde0ceb4e938292334960bce05585dc117.cache";

pub fn add_pieces(night: &mut Night, voice: &Voice<'_>, at: u64) -> u64 {
    night.say(at, "DEBUG", voice, "vc_processors::builtin::processors", "trying to add piece piece=Pledge");
    at + night.dice.about(3 * MINUTE)
}

pub fn tree_d(night: &mut Night, _: &Voice<'_>, at: u64) -> u64 {
    at + night.dice.about(MINUTE)
}

/// PC1 up to the moment it takes its cores.
pub fn pc1_opening(night: &mut Night, voice: &Voice<'_>, number: u32, at: u64) -> u64 {
    let mut at = at;
    for (target, message) in [
        (SEAL, format!("seal_pre_commit_phase1:start: SectorId({number})")),
        (PROOF, "replicate_phase1".to_owned()),
        ("storage_proofs_porep::stacked::vanilla::graph", "using parent_cache[2048 / 1073741824]".to_owned()),
        (CACHE, format!("parent cache: opening {PARENTS}, verify enabled: false")),
        (PROOF, "multi core replication".to_owned()),
        (LABELS, "create labels".to_owned()),
    ] {
        at += night.dice.about(2_500_000);
        night.say(at, "INFO", voice, target, &message);
    }
    at + 4_000_000
}

pub fn pc1(night: &mut Night, voice: &Voice<'_>, number: u32, at: u64) -> u64 {
    let mut at = pc1_opening(night, voice, number, at);
    for layer in 1..=11 {
        night.say(at, "INFO", voice, LABELS, &format!("Layer {layer}"));
        at += night.dice.about(3 * SECOND);
        night.say(at, "INFO", voice, LABELS, &format!("Creating labels for layer {layer}"));
        for producer in 0..3_u32 {
            let alone = Voice { thread: 60 + producer, spans: "" };
            at += night.dice.about(200_000);
            night.say(at, "DEBUG", &alone, LABELS, &format!("binding core in producer thread {producer}"));
            night.say(at + 80_000, "INFO", &alone, LABELS, "created label runner");
        }
        at += night.dice.about(16 * MINUTE);
        let late = night.dice.below(40);
        night.say(at, "DEBUG", voice, LABELS, &format!("PRODUCER NOT READY: {late} times"));
        night.say(at + 100_000, "INFO", voice, LABELS, "  storing labels on disk");
        at += night.dice.about(14 * SECOND);
        let stored = format!("  generated layer {layer} store with id layer-{layer}");
        night.say(at, "INFO", voice, LABELS, &stored);
        at += 3_000_000;
    }
    night.say(at, "INFO", voice, SEAL, &format!("seal_pre_commit_phase1:finish: SectorId({number})"));
    at
}

pub fn pc2(night: &mut Night, voice: &Voice<'_>, at: u64) -> u64 {
    let mut at = at;
    night.say(at, "INFO", voice, SEAL, "seal_pre_commit_phase2:start");
    at += night.dice.about(700_000_000);
    night.say(at, "INFO", voice, PROOF, "replicate_phase2");
    night.say(at + 60_000, "INFO", voice, PROOF, "generating tree c using the GPU");
    for tree in 1..=8_u32 {
        let alone = Voice { thread: 70 + tree, spans: "" };
        night.say(at + 90_000, "INFO", &alone, PROOF, "Building trees [1048576 descriptors max available]");
        at += night.dice.about(62 * SECOND);
        night.say(at, "INFO", &alone, PROOF, &format!("persisting base tree_c {tree}/8 of length 153391689"));
    }
    night.say(at, "INFO", voice, PROOF, "tree_c done");
    at += night.dice.about(SECOND);
    night.say(at, "INFO", voice, PROOF, "generating tree r last using the GPU");
    for tree in 1..=8 {
        at += night.dice.about(20 * SECOND);
        let message = format!("persisting base tree_r_last {tree}/8 of length 153391689");
        night.say(at, "INFO", voice, PROOF, &message);
    }
    night.say(at, "INFO", voice, PROOF, "tree_r_last done");
    night.say(at + 500_000, "INFO", voice, SEAL, "seal_pre_commit_phase2:finish");
    at + 600_000
}

pub fn c1(night: &mut Night, voice: &Voice<'_>, number: u32, at: u64) -> u64 {
    night.say(at, "INFO", voice, SEAL, &format!("seal_commit_phase1:start: SectorId({number})"));
    night.say(at + 30_000_000, "INFO", voice, PROOF, "generating interactive vanilla proofs");
    let end = at + night.dice.about(1_300_000_000);
    night.say(end, "INFO", voice, SEAL, &format!("seal_commit_phase1:finish: SectorId({number})"));
    end
}

pub fn c2(night: &mut Night, voice: &Voice<'_>, number: u32, at: u64) -> u64 {
    let mut at = at;
    for (target, message) in [
        (SEAL, format!("seal_commit_phase2:start: SectorId({number})")),
        ("filecoin_proofs::caches", "trying parameters memory cache for: STACKED[34359738368]".to_owned()),
        ("filecoin_proofs::caches", "found params in memory cache for STACKED[34359738368]".to_owned()),
        (SEAL, "got groth params (34359738368) while sealing".to_owned()),
        (SEAL, "snark_proof:start".to_owned()),
        (PROVER, "Bellperson 0.21.0 is being used!".to_owned()),
    ] {
        at += night.dice.about(800_000);
        night.say(at, "INFO", voice, target, &message);
    }
    let synthesis = night.dice.about(150 * SECOND);
    at += synthesis;
    night.say(
        at,
        "INFO",
        voice,
        PROVER,
        &format!("synthesis time: {}.{:03}s", synthesis / SECOND, synthesis % 1000),
    );
    night.say(at + 50_000, "INFO", voice, PROVER, "starting proof timer");
    let proving = at;
    for round in 0..10 {
        at += night.dice.about(SECOND);
        let what = if round < 3 { "FFT" } else { "Multiexp" };
        night.say(at, "INFO", voice, LOCKS, &format!("GPU is available for {what}!"));
        night.say(at + 20_000, "DEBUG", voice, LOCKS, "Acquiring GPU lock at \"/tmp/bellman.gpu.lock\" ...");
        night.say(at + 70_000, "DEBUG", voice, LOCKS, "GPU lock acquired!");
        at += night.dice.about(80 * SECOND);
        night.say(at, "DEBUG", voice, LOCKS, "GPU lock released!");
    }
    let took = at - proving;
    night.say(at, "INFO", voice, PROVER, &format!("prover time: {}.{:03}s", took / SECOND, took % 1000));
    for message in [
        "snark_proof:finish".to_owned(),
        format!("verify_seal:start: SectorId({number})"),
        format!("verify_seal:finish: SectorId({number})"),
        format!("seal_commit_phase2:finish: SectorId({number})"),
    ] {
        at += night.dice.about(20_000_000);
        night.say(at, "INFO", voice, SEAL, &message);
    }
    at
}
