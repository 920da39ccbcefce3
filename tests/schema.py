"""The JSON document of every command, as a schema: what scripts may rely on."""

from typing import Any

FIGURE: dict[str, Any] = {
    "anyOf": [
        {"type": ["number", "null"]},
        {
            "type": "object",
            "required": ["mean", "std", "ci95", "n"],
            "properties": {"ci95": {"type": "array", "minItems": 2, "maxItems": 2}},
            "additionalProperties": True,
        },
    ]
}
ENVELOPE: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": [
        *("schema", "command", "status", "exit_code", "run", "config", "results"),
        *("artifacts", "seconds", "environment", "error"),
    ],
    "properties": {
        "schema": {"const": 1},
        "command": {"type": ["string", "null"]},
        "status": {"enum": ["ok", "error", "interrupted"]},
        "exit_code": {"enum": [0, 1, 2, 3, 4, 130]},
        "run": {"type": ["string", "null"]},
        "config": {"type": "object"},
        "results": {"type": "object"},
        "artifacts": {"type": "array", "items": {"type": "string"}},
        "seconds": {"type": "object", "additionalProperties": {"type": "number"}},
        "environment": {"type": "object"},
        "error": {
            "anyOf": [
                {"type": "null"},
                {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["type", "message", "hint"],
                    "properties": {key: {"type": "string"} for key in ("type", "message", "hint")},
                },
            ]
        },
    },
}
RESULTS: dict[str, dict[str, Any]] = {
    "arith": {
        "type": "object",
        "additionalProperties": False,
        "required": [
            *("exact_match", "character_accuracy", "loss", "val_loss"),
            *("epochs_to_99", "seconds_to_99", "examples"),
        ],
        "properties": {
            "examples": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "required": ["question", "truth", "answer"],
                    "additionalProperties": {"type": "string"},
                },
            },
        },
    }
}
RESULTS["arith"]["properties"] |= {name: FIGURE for name in RESULTS["arith"]["required"] if name != "examples"}
RESULTS["textgen"] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["loss", "val_loss", "val_bits_per_character", "samples", "characters_per_second"],
    "properties": {
        **dict.fromkeys(("loss", "val_loss", "val_bits_per_character", "characters_per_second"), FIGURE),
        "samples": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["epoch", "diversity", "prompt", "text"],
                "properties": {
                    "epoch": {"type": "integer"},
                    "diversity": {"type": "number"},
                    "prompt": {"type": "string"},
                    "text": {"type": "string"},
                },
            },
        },
    },
}
TRANSLATED = ("loss", "val_loss", "exact_match", "chrf", "bleu", "sentences_per_second")
RESULTS["translate"] = {
    "type": "object",
    "additionalProperties": False,
    "required": [*TRANSLATED, "examples"],
    "properties": {
        **dict.fromkeys(TRANSLATED, FIGURE),
        "examples": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["source", "reference", "output", "correct", "seen"],
                "properties": {
                    **{name: {"type": "string"} for name in ("source", "reference", "output")},
                    **{name: {"type": "boolean"} for name in ("correct", "seen")},
                },
            },
        },
    },
}
ACCURACY: dict[str, Any] = {"type": "object", "required": ["test_accuracy"], "properties": {"test_accuracy": FIGURE}}
MISCLASSIFIED = {
    "type": "object",
    "additionalProperties": {"type": "number"},
    "required": ["index", "label", "predicted", "p_label", "p_predicted", "gap", "runs_misclassified"],
}
MNIST = {
    "type": "object",
    "additionalProperties": False,
    "required": ["test_accuracy", "most_misclassified"],
    "properties": {"test_accuracy": FIGURE, "most_misclassified": {"type": "array", "items": MISCLASSIFIED}},
}
RESULTS["mnist"] = {
    "type": "object",
    "required": ["common"],
    "properties": {"common": {"type": "array", "items": {"type": "integer"}}},
    "patternProperties": {"^(mlp|cnn)_(ce|mse)$": MNIST},
    "additionalProperties": False,
}
RESULTS["permute"] = {
    "type": "object",
    "required": ["mlp_plain", "mlp_permuted", "cnn_plain", "cnn_permuted"],
    "additionalProperties": ACCURACY,
}
GRID = {
    "type": "array",
    "minItems": 4,
    "items": {
        "type": "object",
        "additionalProperties": False,
        "required": ["loss", "activation", "test_loss", "published"],
        "properties": {
            **{name: {"type": "string"} for name in ("loss", "activation")},
            **dict.fromkeys(("test_loss", "published"), FIGURE),
        },
    },
}
OF_SOUND = {
    "type": "object",
    "additionalProperties": False,
    "required": ["snr_db", "log_mel_distance_db"],
    "properties": {"snr_db": {"type": "number"}, "log_mel_distance_db": {"type": "number"}},
}
RESULTS["autoencode"] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["loss", "test_loss", "code_size", "pca_test_loss"],
    "oneOf": [
        {"required": ["psnr_db"]},
        {"required": ["snr_db", "log_mel_distance_db", "baselines", "sample_rate"]},
    ],
    "properties": {
        **dict.fromkeys(("loss", "test_loss", "psnr_db", "snr_db", "log_mel_distance_db"), FIGURE),
        "code_size": {"type": "integer"},
        "pca_test_loss": {"type": "number"},
        "sample_rate": {"type": "integer"},
        "grid": GRID,
        "baselines": {
            "type": "object",
            "additionalProperties": False,
            "required": ["waveform_pca", "log_mel_pca"],
            "properties": {"waveform_pca": OF_SOUND, "log_mel_pca": OF_SOUND},
        },
    },
}
RESULTS["denoise"] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["loss", "test_loss", "psnr_db", "noisy_psnr_db", "baselines"],
    "properties": {
        **dict.fromkeys(("loss", "test_loss", "psnr_db", "noisy_psnr_db"), FIGURE),
        "baselines": {"type": "object", "additionalProperties": {"type": "number"}},
        "grid": GRID,
    },
}
