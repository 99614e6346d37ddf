"""The four stages of the paper's training (Sec. 3.2-3.4) as Lightning modules; what they learn from is a `Ground`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from medtalk.features.phones import N_PHONES
from medtalk.model.intensity import intensity
from medtalk.model.medtalk import MEDTalk
from medtalk_train.settings import Ablation, Stage1Options, Stage2Options, Stage3Options, Stage4Options
from medtalk_train.stages.batches import BY_IMAGE, BY_LABEL, Draw, Exchange, Exchanges, SentenceBatch
from medtalk_train.stages.fit import Stage
from medtalk_train.stages.losses import RigLoss, mean, similarity

if TYPE_CHECKING:
    from numpy.typing import NDArray


class CrossReconstruction(Stage):
    """Stage 1: E_e, E_c and D by self-reconstruction, then overlap exchange, then cycle exchange.

    All three learn from grids, which `grids` draws. With `pairs`, which draws two unlike faces, self and cycle learn
    from these; the grids serve the overlap, and the cycle beside it. They may then be None, where the ablation has no
    overlap. With `apart` the pairs have faces that the grids do not: each phase keeps the losses of the earlier ones,
    or it would unlearn what it does not see.
    """

    number = 1
    options: Stage1Options

    def __init__(
        self,
        model: MEDTalk,
        options: Stage1Options,
        grids: Draw | None,
        seed: int,
        ablation: Ablation,
        spread: NDArray,
        pairs: Draw | None = None,
        apart: bool = False,
    ) -> None:
        trained = [model.emo_encoder, model.cont_encoder, model.decoder]
        draw = pairs or grids
        assert draw is not None
        super().__init__(model, options, draw, seed, trained)
        self.grids, self.pairs = grids, pairs
        self.keep = options.keep_earlier or (pairs is not None and apart)
        self.error = RigLoss(options.loss, spread)
        self.phases = ["self"] * options.epochs
        self.phases += ["overlap"] * (options.overlap_epochs if ablation.overlap else 0)
        self.phases += ["cycle"] * (options.cycle_epochs if ablation.cycle else 0)

    @property
    def epochs(self) -> int:
        return len(self.phases)

    @property
    def active(self) -> list[str]:
        """The exchanges that this epoch learns by."""
        if self.keep:
            return sorted(set(self.phases[: self.current_epoch + 1]))
        return [self.phases[min(self.current_epoch, self.epochs - 1)]]

    @property
    def draw(self) -> Draw:
        """Grids, or pairs, and grids beside them where the epoch exchanges anything."""
        if self.pairs is None:
            return self._draw
        return Exchanges(self.pairs, None if self.active == ["self"] else self.grids)

    def losses(self, batch: Tensor | Exchange) -> dict[str, Tensor]:
        """Losses of a grid (2 emotions, 2 contents, B, L, 174), or of pairs and a grid, in the phase of this epoch.

        Without a grid there is no loss of the overlap.
        """
        losses = self._of_pairs(batch) if isinstance(batch, Exchange) else self._of_grid(batch, self.active)
        return {"loss": torch.stack(list(losses.values())).sum(), **losses} if losses else {}

    def _of_grid(self, grid: Tensor, active: Sequence[str]) -> dict[str, Tensor]:
        step = {"self": self.self_reconstruction, "overlap": self.overlap, "cycle": self.cycle}
        emotion, content = self.model.emo_encoder(grid), self.model.cont_encoder(grid)
        return {name: step[name](grid, emotion, content) for name in active}

    def _of_pairs(self, batch: Exchange) -> dict[str, Tensor]:
        step = {"self": self.self_reconstruction, "cycle": self.cycle_of_pairs}
        emotion, content = self.model.emo_encoder(batch.pairs), self.model.cont_encoder(batch.pairs)
        losses = {name: step[name](batch.pairs, emotion, content) for name in self.active if name in step}
        if batch.grid is not None:
            aligned = self._of_grid(batch.grid, [name for name in self.active if name != "self"])
            losses |= {name: 0.5 * (losses[name] + value) if name in losses else value
                       for name, value in aligned.items()}  # fmt: skip
        return losses

    def self_reconstruction(self, grid: Tensor, emotion: Tensor, content: Tensor) -> Tensor:
        """Eq. 2: every rig from its own two embeddings."""
        return self.error(self.model.decoder(emotion, content), grid)

    def overlap(self, grid: Tensor, emotion: Tensor, content: Tensor) -> Tensor:
        """Eq. 3: rigs of one content exchange it, rigs of one emotion exchange that; each stays what it was."""
        same_content = self.error(self.model.decoder(emotion, content.flip(0)), grid)
        same_emotion = self.error(self.model.decoder(emotion.flip(1), content), grid)
        return 0.5 * (same_content + same_emotion)

    def cycle_of_pairs(self, pair: Tensor, emotion: Tensor, content: Tensor) -> Tensor:
        """Eq. 4 on two unlike rigs (2, B, L, 174): what the first exchange makes has no target, what comes back has."""
        model = self.model
        e1_c2 = model.decoder(emotion[0], content[1])
        e2_c1 = model.decoder(emotion[1], content[0])
        return self.error(torch.stack([model.reconstruct(e1_c2, e2_c1), model.reconstruct(e2_c1, e1_c2)]), pair)

    def cycle(self, grid: Tensor, emotion: Tensor, content: Tensor) -> Tensor:
        """Eq. 4: two unlike rigs exchange emotions, and the results exchange them back; all four have targets."""
        model = self.model
        e1_c2 = model.decoder(emotion[0, 0], content[1, 1])
        e2_c1 = model.decoder(emotion[1, 1], content[0, 0])
        e1_c1 = model.reconstruct(e1_c2, e2_c1)
        e2_c2 = model.reconstruct(e2_c1, e1_c2)
        return self.error(torch.stack([e1_c1, e1_c2, e2_c1, e2_c2]), grid.flatten(0, 1))


class ContentMapping(Stage):
    """Stage 2: ACM, between the frozen encoders and decoder (Eq. 6, 7)."""

    number = 2
    options: Stage2Options

    def __init__(
        self, model: MEDTalk, options: Stage2Options, draw: Draw, seed: int, ablation: Ablation, spread: NDArray
    ) -> None:
        # Without disentangled spaces there is nothing frozen to map into: the decoder learns along.
        along = [] if ablation.disentangle else [model.emo_encoder, model.decoder]
        super().__init__(model, options, draw, seed, [model.audio_content_map, *along])
        self.disentangle = ablation.disentangle
        self.error = RigLoss(options.loss, spread)
        if not options.effort:  # weights of 0 for what is always 0 stay that, so the bundle does not see it either
            at = model.config.content_features - (N_PHONES if options.posteriors_into_acm else 0) - 1
            with torch.no_grad():
                model.audio_content_map.fc1.weight[:, at] = 0.0

    def losses(self, batch: tuple[Tensor, Tensor, Tensor]) -> dict[str, Tensor]:
        features, posteriors, rig = batch
        if not self.options.effort:
            features = torch.cat([features[..., :-1], torch.zeros_like(features[..., -1:])], -1)
        if self.options.feature_dropout:  # never of the vocal effort, which is the last
            withheld = F.dropout(features[..., :-1], self.options.feature_dropout, self.training)
            features = torch.cat([withheld, features[..., -1:]], -1)
        content = self.model.content(features, posteriors)
        reconstruction = self.error(self.model.decoder(self.model.emo_encoder(rig), content), rig)
        if not self.disentangle:
            return {"loss": reconstruction, "reconstruction": reconstruction}
        alike = similarity(content, self.model.cont_encoder(rig), whole=self.options.whole_similarity)
        loss = reconstruction + self.options.similarity_weight * alike
        return {"loss": loss, "reconstruction": reconstruction, "similarity": alike}


class IntensityModelling(Stage):
    """Stage 3, FIM: CMF with its words, the label embedding and E_fuse (Eq. 8-12). Without `blinks` Eq. 11 leaves out
    lids that close."""

    number = 3
    options: Stage3Options

    def __init__(
        self,
        model: MEDTalk,
        options: Stage3Options,
        draw: Draw,
        seed: int,
        ablation: Ablation,
        spread: NDArray,
        blinks: bool = True,
    ) -> None:
        trained = [model.emotion_embedding, model.semantic_emotion_map]
        if ablation.intensity:
            trained.append(model.fusion_predictor)
            if model.word_encoder is not None:
                trained.append(model.word_encoder)
        if not ablation.disentangle:
            trained += [model.audio_content_map, model.decoder]
        super().__init__(model, options, draw, seed, trained)
        self.ablation, self.blinks = ablation, blinks
        self.error = RigLoss(options.loss, spread)

    def losses(self, batch: SentenceBatch) -> dict[str, Tensor]:
        options, model, mask = self.options, self.model, batch.mask
        vector = model.emotion_embedding.mixed(batch.label, batch.kinds)[:, None]
        level = self.intensity(batch)
        emotion = model.emotion(vector, level * batch.scale[:, None])
        found = model.decoder(emotion, model.content(batch.content, batch.posteriors))
        out = {"reconstruction": self.error(found, batch.rig, mask)}
        loss = out["reconstruction"]
        if self.ablation.disentangle:
            out["similarity"] = similarity(emotion, model.emo_encoder(batch.rig), mask, options.whole_similarity)
            loss = loss + options.similarity_weight * out["similarity"]
        if self.ablation.intensity:
            felt, aimed = intensity(found, self.blinks), intensity(batch.rig, self.blinks)
            out["intensity"] = mean((felt - aimed).square(), mask)
            loss = loss + options.intensity_weight * out["intensity"]
            if options.strength_weight:
                out["strength"] = mean((level - batch.strength).square(), mask)
                loss = loss + options.strength_weight * out["strength"]
        return {"loss": loss, **out}

    def intensity(self, batch: SentenceBatch) -> Tensor:
        """(B, T) predicted intensity; ones where the ablation wants a static emotion."""
        return predicted(self.model, batch) if self.ablation.intensity else torch.ones_like(batch.mask)


def predicted(model: MEDTalk, batch: SentenceBatch) -> Tensor:
    """(B, T) intensity, from words that the model reads by itself or from features of a text encoder (Sec. 3.3)."""
    if model.word_encoder is not None:
        return model.intensity(batch.emotion_features, batch.words, batch.lengths, batch.word_times)
    return model.fusion_predictor(batch.emotion_features, batch.words, batch.absent, batch.lengths, batch.word_times)


class GuidanceStage(Stage):
    """Stage 4: P_text, P_image and E_fuse, so that a description or picture can stand in place of a label (Eq. 13, 14).

    The intensity is stage 3's, as it was trained. `pictures` tells whether there are any to train P_image with.
    """

    number = 4
    options: Stage4Options

    def __init__(
        self,
        model: MEDTalk,
        options: Stage4Options,
        draw: Draw,
        seed: int,
        ablation: Ablation,
        spread: NDArray,
        pictures: bool = False,
    ) -> None:
        trained = [model.clip_text_map, model.semantic_emotion_map, *([model.clip_image_map] if pictures else [])]
        super().__init__(model, options, draw, seed, trained)
        self.ablation, self.pictures = ablation, pictures
        self.error = RigLoss(options.loss, spread)

    def losses(self, batch: SentenceBatch) -> dict[str, Tensor]:
        model = self.model
        with torch.no_grad():
            by_label = model.emotion_embedding.mixed(batch.label, batch.kinds)
            content = model.content(batch.content, batch.posteriors)
            intensity = predicted(model, batch) if self.ablation.intensity else torch.ones_like(batch.mask)
        guide = batch.guide[:, None]
        vector = torch.where(guide == BY_LABEL, by_label, model.clip_text_map(batch.description))
        if self.pictures:
            vector = torch.where(guide == BY_IMAGE, model.clip_image_map(batch.picture), vector)
        emotion = model.emotion(vector[:, None], intensity * batch.scale[:, None])
        reconstruction = self.error(model.decoder(emotion, content), batch.rig, batch.mask)
        if not self.ablation.disentangle:
            # stage 3 has led the decoder away from E_e
            return {"loss": reconstruction, "reconstruction": reconstruction}
        alike = similarity(emotion, model.emo_encoder(batch.rig), batch.mask, self.options.whole_similarity)
        loss = reconstruction + self.options.similarity_weight * alike
        return {"loss": loss, "reconstruction": reconstruction, "similarity": alike}
