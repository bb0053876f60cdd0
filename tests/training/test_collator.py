import numpy as np

from dataselect.training.collator import collate


def test_rows_are_padded_on_the_right_without_attention_and_label():
    batch = collate(
        [
            {"input_ids": np.array([5, 6, 7], np.int32), "labels": np.array([-100, 6, 7], np.int32)},
            {"input_ids": np.array([8], np.int32), "labels": np.array([8], np.int32)},
        ]
    )
    assert batch["input_ids"].tolist() == [[5, 6, 7], [8, 0, 0]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [1, 0, 0]]
    assert batch["labels"].tolist() == [[-100, 6, 7], [8, -100, -100]]
