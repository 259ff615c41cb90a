"""Names of public convolutional networks, for tests of tracing."""

from torchvision import models

TORCHVISION = tuple(
    name for name in models.list_models(module=models) if not name.startswith(("maxvit", "swin", "vit"))
)

_TIMM = """
    resnet18 resnet26d resnet50 resnet50d resnet101 resnet152 resnext50_32x4d resnext101_32x8d
    wide_resnet50_2 seresnet50 seresnext50_32x4d ecaresnet50d skresnet18 resnetrs50 resnetaa50 resnetblur50
    gcresnet50t res2net50_26w_4s res2next50 resnest14d resnest50d resnetv2_50 resnetv2_50x1_bit
    resnetv2_50d_gn densenet121 densenet169 densenetblur121d efficientnet_b0 efficientnet_b3 efficientnet_es
    efficientnet_em efficientnet_lite0 efficientnet_lite4 efficientnet_cc_b0_4e tf_efficientnet_b0
    tf_efficientnetv2_s efficientnetv2_rw_t tf_efficientnetv2_b0 gc_efficientnetv2_rw_t mixnet_s mixnet_l
    mixnet_xl tf_mixnet_m mobilenetv2_100 mobilenetv2_140 mobilenetv3_large_100 mobilenetv3_small_050
    tf_mobilenetv3_large_100 tf_mobilenetv3_small_minimal_100 mobilenetv4_conv_small mobilenetv4_conv_medium
    mnasnet_100 semnasnet_075 spnasnet_100 fbnetc_100 fbnetv3_b lcnet_050 lcnet_100 tinynet_a hardcorenas_a
    ghostnet_100 ghostnetv2_100 rexnet_100 rexnetr_200 regnetx_002 regnetx_032 regnety_004 regnety_032
    regnetz_b16 regnetz_c16_evos nfnet_f0 dm_nfnet_f0 eca_nfnet_l0 nf_regnet_b1 nf_resnet50 convnext_atto
    convnext_tiny convnextv2_atto convnextv2_tiny convmixer_768_32 inception_next_tiny inception_v3
    inception_v4 inception_resnet_v2 xception41 xception65 legacy_xception nasnetalarge pnasnet5large dpn68
    dpn92 dla34 dla60x hrnet_w18_small selecsls42b vovnet39a ese_vovnet19b_dw cspresnet50 cspdarknet53
    darknet53 vgg11 vgg16_bn repvgg_a0 repvgg_b1g4 mobileone_s0 mobileone_s1 tresnet_m hgnet_tiny hgnetv2_b0
    starnet_s1 fasternet_t0 repghostnet_100 mambaout_femto rdnet_tiny
"""
TIMM = tuple(_TIMM.split())
