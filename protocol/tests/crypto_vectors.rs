//! Published vectors of the primitives that everything else rests on, both ways where there are two: HKDF (RFC 5869),
//! Ed25519 (RFC 8032), X25519 (RFC 7748) and AES-CCM (RFC 3610; NIST SP 800-38C, appendix C; CAVP's `VTT128.rsp` of
//! NIST's CCM vectors). All were computed again with OpenSSL 3 before they were written down here. Those of base45
//! (RFC 9285) stand beside the code.
#![allow(missing_docs, clippy::unwrap_used)]
use aes::Aes128;
use ccm::aead::array::ArraySize;
use ccm::aead::{Aead, KeyInit, Payload};
use ccm::consts::{U4, U6, U7, U8, U12, U13, U14};
use ccm::{Ccm, NonceSize, TagSize};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use hkdf::Hkdf;
use sha2::Sha256;
use x25519_dalek::x25519;

/// Nonce, associated data, payload, ciphertext with tag.
type CcmVector = (&'static str, &'static str, &'static str, &'static str);

fn bytes(digits: &str) -> Vec<u8> {
    hex::decode(digits).expect("the vectors are hexadecimal")
}

fn array<const N: usize>(digits: &str) -> [u8; N] {
    bytes(digits).try_into().expect("the vectors have the lengths of their standard")
}

/// Consecutive numbers.
fn count(first: u8, length: usize) -> Vec<u8> {
    (first..=255).take(length).collect()
}

/// Seals, opens, and finds every flipped bit of the sealed bytes and one of each other input.
fn check_ccm<Tag: ArraySize + TagSize, Nonce: ArraySize + NonceSize>(
    key: &[u8],
    [nonce, associated, payload, sealed]: [&[u8]; 4],
) {
    let cipher = Ccm::<Aes128, Tag, Nonce>::new_from_slice(key).unwrap();
    let nonce = nonce.try_into().unwrap();
    let seal = cipher.encrypt(nonce, Payload { msg: payload, aad: associated }).unwrap();
    assert_eq!(hex::encode(seal), hex::encode(sealed));
    let open = |sealed: &[u8], associated: &[u8]| {
        cipher.decrypt(nonce, Payload { msg: sealed, aad: associated }).ok()
    };
    assert_eq!(open(sealed, associated).as_deref(), Some(payload));
    for bit in 0..sealed.len() * 8 {
        let mut altered = sealed.to_vec();
        altered[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(open(&altered, associated), None, "bit {bit}");
    }
    let mut altered = associated.to_vec();
    altered[0] ^= 1;
    assert_eq!(open(sealed, &altered), None);
}

fn check_frame_cipher(key: &str, vectors: &[CcmVector]) {
    for (nonce, associated, payload, sealed) in vectors {
        let parts = [nonce, associated, payload, sealed].map(|digits| bytes(digits));
        check_ccm::<U8, U13>(&bytes(key), parts.each_ref().map(Vec::as_slice));
    }
}

/// RFC 3610, 8: the packet vectors with an 8-byte tag. Their associated data is the packet's header.
#[test]
fn ccm_agrees_with_rfc_3610() {
    check_frame_cipher("c0c1c2c3c4c5c6c7c8c9cacbcccdcecf", &RFC_3610_KEY_1);
    check_frame_cipher("d7828d13b2b0bdc325a76236df93cc6b", &RFC_3610_KEY_2);
}

#[test]
fn ccm_agrees_with_the_validation_program() {
    check_frame_cipher("368f35a1f80eaaacd6bb136609389727", &CAVP_TAG_8);
}

/// NIST SP 800-38C, appendix C: other lengths of tag and nonce, and associated data beyond 65,279 bytes.
#[test]
fn ccm_agrees_with_sp_800_38c() {
    let key = count(0x40, 16);
    let sealed = bytes("7162015b4dac255d");
    check_ccm::<U4, U7>(&key, [&count(0x10, 7), &count(0, 8), &count(0x20, 4), &sealed]);
    let sealed = bytes("d2a1f0e051ea5f62081a7792073d593d1fc64fbfaccd");
    check_ccm::<U6, U8>(&key, [&count(0x10, 8), &count(0, 16), &count(0x20, 16), &sealed]);
    let sealed = bytes("e3b201a9f5b71a7a9b1ceaeccd97e70b6176aad9a4428aa5484392fbc1b09951");
    check_ccm::<U8, U12>(&key, [&count(0x10, 12), &count(0, 20), &count(0x20, 24), &sealed]);
    let associated = count(0, 256).repeat(256);
    let sealed = "69915dad1e84c6376a68c2967e4dab615ae0fd1faec44cc484828529463ccf72\
                  b4ac6bec93e8598e7f0dadbcea5b";
    check_ccm::<U14, U13>(&key, [&count(0x10, 13), &associated, &count(0x20, 32), &bytes(sealed)]);
}

#[test]
fn hkdf_agrees_with_rfc_5869() {
    for [input, salt, info, extracted, expanded] in RFC_5869.map(|row| row.map(bytes)) {
        let (key, hkdf) = Hkdf::<Sha256>::extract(Some(&salt), &input);
        assert_eq!(hex::encode(key), hex::encode(extracted));
        let mut output = vec![0; expanded.len()];
        hkdf.expand(&info, &mut output).unwrap();
        assert_eq!(hex::encode(output), hex::encode(expanded));
    }
    // Without a salt, as everywhere in Chirrup, is with a salt of no bytes: test case 3.
    let [input, _, info, _, expanded] = RFC_5869[2].map(bytes);
    let mut output = vec![0; expanded.len()];
    Hkdf::<Sha256>::new(None, &input).expand(&info, &mut output).unwrap();
    assert_eq!(output, expanded);
}

#[test]
fn ed25519_agrees_with_rfc_8032() {
    for [seed, public_key, message, signature] in RFC_8032 {
        let key = SigningKey::from_bytes(&array(seed));
        assert_eq!(hex::encode(key.verifying_key().to_bytes()), public_key);
        let message = bytes(message);
        assert_eq!(hex::encode(key.sign(&message).to_bytes()), signature);
        let anchor = VerifyingKey::from_bytes(&array(public_key)).unwrap();
        let verify = |message: &[u8], signature: &[u8; 64]| {
            anchor.verify_strict(message, &Signature::from_bytes(signature)).is_ok()
        };
        let signature: [u8; 64] = array(signature);
        assert!(verify(&message, &signature));
        assert!(!verify(&[&message[..], &[0]].concat(), &signature));
        for bit in 0..512 {
            let mut altered = signature;
            altered[bit / 8] ^= 1 << (bit % 8);
            assert!(!verify(&message, &altered), "bit {bit}");
        }
    }
}

#[test]
fn x25519_agrees_with_rfc_7748() {
    for [scalar, u, result] in RFC_7748 {
        assert_eq!(hex::encode(x25519(array(scalar), array(u))), result);
    }
}

/// RFC 7748, 5.2: each result is the next scalar, and each scalar the next coordinate.
#[test]
fn x25519_iterated_agrees_with_rfc_7748() {
    let mut nine = [0; 32];
    nine[0] = 9;
    let (mut scalar, mut u) = (nine, nine);
    for iteration in 1..=1_000 {
        (scalar, u) = (x25519(scalar, u), scalar);
        let expected = match iteration {
            1 => "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079",
            1_000 => "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51",
            _ => continue,
        };
        assert_eq!(hex::encode(scalar), expected, "after {iteration}");
    }
}

/// RFC 7748, 6.1: Alice and Bob.
#[test]
fn both_sides_of_an_agreement_agree_with_rfc_7748() {
    let alice = array("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
    let bob = array("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
    let base = core::array::from_fn(|index| if index == 0 { 9 } else { 0 });
    let (alices, bobs) = (x25519(alice, base), x25519(bob, base));
    assert_eq!(hex::encode(alices), "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
    assert_eq!(hex::encode(bobs), "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
    let shared = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742";
    assert_eq!(hex::encode(x25519(alice, bobs)), shared);
    assert_eq!(hex::encode(x25519(bob, alices)), shared);
}

/// Packet vectors 1 to 6.
const RFC_3610_KEY_1: [CcmVector; 6] = [
    (
        "00000003020100a0a1a2a3a4a5",
        "0001020304050607",
        "08090a0b0c0d0e0f101112131415161718191a1b1c1d1e",
        "588c979a61c663d2f066d0c2c0f989806d5f6b61dac38417e8d12cfdf926e0",
    ),
    (
        "00000004030201a0a1a2a3a4a5",
        "0001020304050607",
        "08090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        "72c91a36e135f8cf291ca894085c87e3cc15c439c9e43a3ba091d56e10400916",
    ),
    (
        "00000005040302a0a1a2a3a4a5",
        "0001020304050607",
        "08090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20",
        "51b1e5f44a197d1da46b0f8e2d282ae871e838bb64da8596574adaa76fbd9fb0c5",
    ),
    (
        "00000006050403a0a1a2a3a4a5",
        "000102030405060708090a0b",
        "0c0d0e0f101112131415161718191a1b1c1d1e",
        "a28c6865939a9a79faaa5c4c2a9d4a91cdac8c96c861b9c9e61ef1",
    ),
    (
        "00000007060504a0a1a2a3a4a5",
        "000102030405060708090a0b",
        "0c0d0e0f101112131415161718191a1b1c1d1e1f",
        "dcf1fb7b5d9e23fb9d4e131253658ad86ebdca3e51e83f077d9c2d93",
    ),
    (
        "00000008070605a0a1a2a3a4a5",
        "000102030405060708090a0b",
        "0c0d0e0f101112131415161718191a1b1c1d1e1f20",
        "6fc1b011f006568b5171a42d953d469b2570a4bd87405a0443ac91cb94",
    ),
];

/// Packet vectors 13 to 18.
const RFC_3610_KEY_2: [CcmVector; 6] = [
    (
        "00412b4ea9cdbe3c9696766cfa",
        "0be1a88bace018b1",
        "08e8cf97d820ea258460e96ad9cf5289054d895ceac47c",
        "4cb97f86a2a4689a877947ab8091ef5386a6ffbdd080f8e78cf7cb0cddd7b3",
    ),
    (
        "0033568ef7b2633c9696766cfa",
        "63018f76dc8a1bcb",
        "9020ea6f91bdd85afa0039ba4baff9bfb79c7028949cd0ec",
        "4ccb1e7ca981befaa0726c55d378061298c85c92814abc33c52ee81d7d77c08a",
    ),
    (
        "00103fe41336713c9696766cfa",
        "aa6cfa36cae86b40",
        "b916e0eacc1c00d7dcec68ec0b3bbb1a02de8a2d1aa346132e",
        "b1d23a2220ddc0ac900d9aa03c61fcf4a559a4417767089708a776796edb723506",
    ),
    (
        "00764c63b8058e3c9696766cfa",
        "d0d0735c531e1becf049c244",
        "12daac5630efa5396f770ce1a66b21f7b2101c",
        "14d253c3967b70609b7cbb7c499160283245269a6f49975bcadeaf",
    ),
    (
        "00f8b678094e3b3c9696766cfa",
        "77b60f011c03e1525899bcae",
        "e88b6a46c78d63e52eb8c546efb5de6f75e9cc0d",
        "5545ff1a085ee2efbf52b2e04bee1e2336c73e3f762c0c7744fe7e3c",
    ),
    (
        "00d560912d3f703c9696766cfa",
        "cd9044d2b71fdb8120ea60c0",
        "6435acbafb11a82e2f071d7ca4a5ebd93a803ba87f",
        "009769ecabdf48625594c59251e6035722675e04c847099e5ae0704551",
    ),
];

/// Counts 20 to 29 of the file `VTT128.rsp`, those with a tag of 8 bytes.
const CAVP_TAG_8: [CcmVector; 10] = [
    (
        "842a8445847502ea77363a16b6",
        "34396dfcfa6f742aea7040976bd596497a7a6fa4fb85ee8e4ca394d02095b7bf",
        "1cccd55825316a94c5979e049310d1d717cdfb7624289dac",
        "1a58094f0e8c6035a5584bfa8d1009c5f78fd2ca487ff222f6d1d897d6051618",
    ),
    (
        "842a8445847502ea77363a16b6",
        "25865c1b89f1973bfa680d8458df35a56993a7e81e407e061794004068e481ab",
        "36004342dd74e7966692a848b2c11e1fc311eac9d9cef616",
        "30949f55f6c9ed37065d7db6acc1c60d2353c375b5999998ceca422687f41550",
    ),
    (
        "842a8445847502ea77363a16b6",
        "e6209480da9e49172ba58a9048f2f1b0349030e8e7a79dcdf295eecd613f401a",
        "e81f4fb360bcae372d8be3f32655a29bc10a2f31876173cc",
        "ee8b93a44b01a4964d44360d38557a892148068deb361c42d2b981fc741f2591",
    ),
    (
        "842a8445847502ea77363a16b6",
        "112c969882e685b4ae1ee6b67f680e6a1d9d840e627d12118f991c1a3d71314c",
        "27d6443e729d35d7a0690fcb7fe0b20892875f60b5d8763a",
        "2142982959203f76c0a6da3561e06a1a72c576dcd98f19b4a1fd47cd41fcf013",
    ),
    (
        "842a8445847502ea77363a16b6",
        "73ef62870c50faca5d4e6c6ec45fa7b54bf79ed229fcf1fc8c79c9c09596039b",
        "6c17ad5496dfccde8b877630e1e582dab52aaabe385a321f",
        "6a837143bd62c67feb48a3ceffe55ac855688302540d5d9143eb86ffa6958d71",
    ),
    (
        "842a8445847502ea77363a16b6",
        "b537f0f2981405f6069b401966656461b3516a32d181777121a60cea537e7cef",
        "dc4a1e39561f14321238272adff8b74a4e770c0a0c864a52",
        "dadec22e7da21e9372f7f2d4c1f86f58ae3525b660d125dc1dfc38975c948d29",
    ),
    (
        "842a8445847502ea77363a16b6",
        "96bd747ccdcd5fa6cd920514a2f38203e82ee9c7ec6e88080e9f6e2a6a812b0d",
        "c51958d7d7d39906b14d4ebb574db881355ec3e6b41838dd",
        "c38d84c0fc6e93a7d1829b45494d6093d51cea5ad84f575320a48ee3845d9e7a",
    ),
    (
        "842a8445847502ea77363a16b6",
        "690d6a2377314fc2f7dd06ae401e3585c79faf648a7af358ae4ef615669222eb",
        "9eaf24f84e8818e286410de321d65ffbf25d1a14073c60da",
        "983bf8ef65351243e68ed81d3fd687e9121f33a86b6b0f54884188f946c9a317",
    ),
    (
        "842a8445847502ea77363a16b6",
        "748dc83299a43033239ad2fef2dc3d72b76a38ca127607cef72de94a56d5e5c0",
        "71c8eb0079559a306e236c49b7ce1b6cfe26c7888733eb7e",
        "775c371752e890910eecb9b7a9cec37e1e64ee34eb6484f00ae2dd33327f8459",
    ),
    (
        "842a8445847502ea77363a16b6",
        "35a49535684637f67573fb0b4fdc1bdd8a57650a1d8f29b866fa552a6e0cdf91",
        "f09569906381138cc49e3fc2384c5d33c34abd3d617c487b",
        "f601b587483c192da451ea3c264c8521230894810d2b27f5c50821a48b93d0ca",
    ),
];

/// Sections A.1 to A.3: input key, salt, info, extracted key, expanded key.
const RFC_5869: [[&str; 5]; 3] = [
    [
        "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
        "000102030405060708090a0b0c",
        "f0f1f2f3f4f5f6f7f8f9",
        "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b88718\
         5865",
    ],
    [
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2021222324252627\
         28292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f",
        "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f8081828384858687\
         88898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeaf",
        "b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7\
         d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
        "06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244",
        "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac78272\
         71cb41c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f\
         1d87",
    ],
    [
        "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
        "",
        "",
        "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a\
         96c8",
    ],
];

/// Section 7.1, tests 1, 2, 3, 1024 and SHA(abc): seed, public key, message, signature.
const RFC_8032: [[&str; 4]; 5] = [
    [
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bac\
         c61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ],
    [
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e\
         458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ],
    [
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290\
         ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ],
    [
        "f5e5767cf153319517630f226876b86c8160cc583bc013744c6bf255f5cc0ee5",
        "278117fc144c72340f67d0f2316e8386ceffbf2b2428c9c51fef7c597f1d426e",
        "08b8b2b733424243760fe426a4b54908632110a66c2f6591eabd3345e3e4eb98fa6e264bf09efe12\
         ee50f8f54e9f77b1e355f6c50544e23fb1433ddf73be84d879de7c0046dc4996d9e773f4bc9efe57\
         38829adb26c81b37c93a1b270b20329d658675fc6ea534e0810a4432826bf58c941efb65d57a338b\
         bd2e26640f89ffbc1a858efcb8550ee3a5e1998bd177e93a7363c344fe6b199ee5d02e82d522c4fe\
         ba15452f80288a821a579116ec6dad2b3b310da903401aa62100ab5d1a36553e06203b33890cc9b8\
         32f79ef80560ccb9a39ce767967ed628c6ad573cb116dbefefd75499da96bd68a8a97b928a8bbc10\
         3b6621fcde2beca1231d206be6cd9ec7aff6f6c94fcd7204ed3455c68c83f4a41da4af2b74ef5c53\
         f1d8ac70bdcb7ed185ce81bd84359d44254d95629e9855a94a7c1958d1f8ada5d0532ed8a5aa3fb2\
         d17ba70eb6248e594e1a2297acbbb39d502f1a8c6eb6f1ce22b3de1a1f40cc24554119a831a9aad6\
         079cad88425de6bde1a9187ebb6092cf67bf2b13fd65f27088d78b7e883c8759d2c4f5c65adb7553\
         878ad575f9fad878e80a0c9ba63bcbcc2732e69485bbc9c90bfbd62481d9089beccf80cfe2df16a2\
         cf65bd92dd597b0707e0917af48bbb75fed413d238f5555a7a569d80c3414a8d0859dc65a46128ba\
         b27af87a71314f318c782b23ebfe808b82b0ce26401d2e22f04d83d1255dc51addd3b75a2b1ae078\
         4504df543af8969be3ea7082ff7fc9888c144da2af58429ec96031dbcad3dad9af0dcbaaaf268cb8\
         fcffead94f3c7ca495e056a9b47acdb751fb73e666c6c655ade8297297d07ad1ba5e43f1bca32301\
         651339e22904cc8c42f58c30c04aafdb038dda0847dd988dcda6f3bfd15c4b4c4525004aa06eeff8\
         ca61783aacec57fb3d1f92b0fe2fd1a85f6724517b65e614ad6808d6f6ee34dff7310fdc82aebfd9\
         04b01e1dc54b2927094b2db68d6f903b68401adebf5a7e08d78ff4ef5d63653a65040cf9bfd4aca7\
         984a74d37145986780fc0b16ac451649de6188a7dbdf191f64b5fc5e2ab47b57f7f7276cd419c17a\
         3ca8e1b939ae49e488acba6b965610b5480109c8b17b80e1b7b750dfc7598d5d5011fd2dcc5600a3\
         2ef5b52a1ecc820e308aa342721aac0943bf6686b64b2579376504ccc493d97e6aed3fb0f9cd71a4\
         3dd497f01f17c0e2cb3797aa2a2f256656168e6c496afc5fb93246f6b1116398a346f1a641f3b041\
         e989f7914f90cc2c7fff357876e506b50d334ba77c225bc307ba537152f3f1610e4eafe595f6d9d9\
         0d11faa933a15ef1369546868a7f3a45a96768d40fd9d03412c091c6315cf4fde7cb68606937380d\
         b2eaaa707b4c4185c32eddcdd306705e4dc1ffc872eeee475a64dfac86aba41c0618983f8741c5ef\
         68d3a101e8a3b8cac60c905c15fc910840b94c00a0b9d0",
        "0aab4c900501b3e24d7cdf4663326a3a87df5e4843b2cbdb67cbf6e460fec350aa5371b1508f9f45\
         28ecea23c436d94b5e8fcd4f681e30a6ac00a9704a188a03",
    ],
    [
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a8\
         36ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ec\
         fdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
    ],
];

/// Section 5.2: scalar, u-coordinate, result.
const RFC_7748: [[&str; 3]; 2] = [
    [
        "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
        "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
        "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
    ],
    [
        "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
        "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
        "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
    ],
];
