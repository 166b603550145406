"""What the page says, in English and Chinese; the browser's language decides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

_WORDS: dict[str, tuple[str, str]] = {
    # The page
    "title": ("Remove something from a photo", "从照片中移除物体"),
    "heading": ("# Remove something from a photo", "# 从照片中移除物体"),
    "introduction": (
        "Brush over what should go and press **Remove**. Only the painted part is filled, at full resolution; every "
        "other pixel stays as it is. Photos are deleted two hours after your last step.",
        "涂抹想要移除的部分，然后点击**移除**。只填充涂抹处，保持原分辨率，其余像素不变。照片在您最后一次操作两小时后删除。",
    ),
    "photo": ("Your photo (or paste or drop one anywhere)", "您的照片（也可在页面任意处粘贴或拖放）"),
    "examples": ("Or try one of these", "或试试这些示例"),
    "remove": ("Remove", "移除"),
    "cancel": ("Cancel", "取消"),
    "working": ("Working …", "处理中…"),
    "download": ("Download", "下载"),
    "preparing": ("Preparing …", "准备中…"),
    "another": ("New photo", "换一张照片"),
    "find": ("Find dust and scratches", "查找灰尘和划痕"),
    "format": ("File format", "文件格式"),
    "format-info": (
        "PNG, TIFF and WebP keep every pixel. JPEG changes some a little and is written sequentially.",
        "PNG、TIFF 和 WebP 保持每个像素不变。JPEG 会使部分像素略有变化，并以顺序（非渐进）方式写入。",
    ),
    "as uploaded": ("as uploaded", "与上传相同"),
    "mask-file": ("Use a mask file", "使用蒙版文件"),
    "mask": ("Mask: what is white is filled", "蒙版：白色部分将被填充"),
    "options": ("Options", "选项"),
    "model": ("Model", "模型"),
    "model-info": ("The network that fills.", "用于填充的网络。"),
    "model-info-hub": (
        "The network that fills. A Hub repository may be typed in as owner/name.",
        "用于填充的网络。可输入 Hub 仓库名 owner/name。",
    ),
    "recurrences": ("Recurrences", "循环次数"),
    "recurrences-info": ("0: as many as the hole needs. Fewer are quicker.", "0：按需自动决定。次数越少越快。"),
    "grow": ("Grow", "扩大"),
    "grow-info": ("Widens the painted part by so many pixels.", "将涂抹区域向外扩大若干像素。"),
    "feather": ("Feather", "羽化"),
    "feather-info": ("Blends the edge of the fill over so many pixels.", "在若干像素内混合填充的边缘。"),
    "detail": ("Detail", "细节"),
    "detail-info": (
        "texture: sharp texture from the surroundings. exact: the least error, blurry. off: the network alone.",
        "texture：用周围的清晰纹理。exact：误差最小，但较模糊。off：仅用网络。",
    ),
    "history": ("History", "历史记录"),
    # Painter
    "painter": ("Paint over what should go", "涂抹要移除的部分"),
    "tools": ("Painting tools", "绘画工具"),
    "brush": ("Brush", "画笔"),
    "eraser": ("Eraser", "橡皮"),
    "rectangle": ("Rectangle", "矩形"),
    "lasso": ("Lasso", "套索"),
    "size": ("Size", "大小"),
    "zoom-out": ("Zoom out", "缩小"),
    "zoom-in": ("Zoom in", "放大"),
    "zoom-fit": ("Fit", "适合窗口"),
    "undo": ("Undo", "撤销"),
    "redo": ("Redo", "重做"),
    "clear": ("Clear", "清除"),
    "auto-run": ("Remove on lift", "松手即移除"),
    "canvas": (
        "Painting area. Arrow keys move the brush, Space paints, B brush, E eraser, R rectangle, L lasso, brackets "
        "change the size, plus and minus zoom, Control Z undoes, Control Enter removes.",
        "绘画区域。方向键移动画笔，空格绘制，B 画笔，E 橡皮，R 矩形，L 套索，方括号调整大小，"
        "加减号缩放，Ctrl+Z 撤销，Ctrl+Enter 移除。",
    ),
    "painted-photo": ("The photo to paint on", "待涂抹的照片"),
    "undone": ("Undone", "已撤销"),
    "redone": ("Redone", "已重做"),
    "cleared": ("Cleared", "已清除"),
    "position": ("{x} % from the left, {y} % from the top", "距左 {x}%，距上 {y}%"),
    "shape-corner": ("Corner set: move on and press Space again", "已设起点：移动后再按空格"),
    "drop-here": ("Drop the photo here", "将照片拖放到这里"),
    "no-picture": ("That is not a picture file.", "这不是图片文件。"),
    "not-sent": (
        "The photo could not be sent: check the connection and try again.",
        "照片上传失败：请检查网络后重试。",
    ),
    "replace": (
        "Open another photo? This one and its history will be deleted.",
        "要打开另一张照片吗？当前照片及其历史记录将被删除。",
    ),
    "replace-yes": ("Open another", "打开另一张"),
    "replace-no": ("Keep this one", "保留当前照片"),
    # Viewer
    "viewer": ("Result", "结果"),
    "modes": ("What to show", "显示方式"),
    "mode-result": ("Result", "结果"),
    "mode-before": ("Before / after", "前后对比"),
    "mode-recurrence": ("Recurrences", "循环过程"),
    "mode-attention": ("Attention", "注意力"),
    "mode-compare": ("Telea", "Telea 方法"),
    "near": ("Close-up", "特写"),
    "full-screen": ("Full screen", "全屏"),
    "copy": ("Copy", "复制"),
    "copied": ("The result was copied.", "结果已复制。"),
    "copied-preview": (
        "A preview was copied: the browser cannot read the full file, or it is not ready yet.",
        "已复制预览图：浏览器无法读取完整文件，或文件尚未准备好。",
    ),
    "not-copied": ("The browser did not allow copying: download the result instead.", "浏览器不允许复制：请改为下载。"),
    "empty": ("The result appears here.", "结果将显示在这里。"),
    "before": ("Before", "之前"),
    "after": ("After", "之后"),
    "divider": ("Divider", "分隔线"),
    "recurrence": ("Recurrence", "循环"),
    "of": ("{i} of {n}", "{i} / {n}"),
    "result-alt": ("The filled picture", "填充后的图片"),
    "photo-alt": ("The photo", "照片"),
    "recurrence-alt": ("Result after recurrence {i}", "第 {i} 次循环后的结果"),
    "attention-alt": ("Where the marked pixel was fetched from", "标记像素的来源"),
    "progress": ("Share of the work that is done", "已完成的工作量"),
    "waiting-place": ("{n} before you", "前面还有 {n} 个任务"),
    "starting": ("Starting", "正在开始"),
    "running": ("Recurrence {i} of {n}", "第 {i} / {n} 次循环"),
    "finishing": ("Finishing", "即将完成"),
    "done": ("Done: the result is shown. Paint on it to remove more.", "完成：已显示结果。可继续涂抹以移除更多。"),
    "telea": ("Filling the same hole by Telea's method", "正在用 Telea 方法填充同一区域"),
    "attention-hint": (
        "Click a filled place, or move with the arrow keys and press Enter, to see where it was fetched from.",
        "点击填充处，或用方向键移动并按 Enter，查看其来源。",
    ),
    "attention-from": (
        "Recurrence {i} left this pixel as it was; shown is recurrence {n}, which filled it.",
        "第 {i} 次循环未处理该像素；显示填充它的第 {n} 次循环。",
    ),
    "attention-stage": (
        "Picture: arrow keys choose a pixel, Enter shows where it was fetched from",
        "图片：方向键选择像素，Enter 显示其来源",
    ),
    "hold": ("Hold to see the photo before", "按住查看之前的照片"),
    # Thumbnails
    "fill": ("Fill {i}", "填充 {i}"),
    "original": ("Photo", "原图"),
    # What a download lacks
    "dropped": ("The file lacks what the photo's own held: {names}.", "下载的文件不含原照片文件中的：{names}。"),
    "dropped-separator": (", ", "、"),
    "EXIF": ("EXIF", "EXIF"),
    "XMP": ("XMP", "XMP"),
    "IPTC": ("IPTC", "IPTC"),
    "the colour profile": ("the colour profile", "颜色配置文件"),
    "the comment": ("the comment", "注释"),
    "the resolution (dpi)": ("the resolution (dpi)", "分辨率（dpi）"),
    "PNG colour chunks": ("PNG colour chunks", "PNG 颜色信息"),
    "PNG texts": ("PNG texts", "PNG 文本"),
    "the gain map (HDR)": ("the gain map (HDR)", "增益图（HDR）"),
    "the second picture (MPO)": ("the second picture (MPO)", "第二张图片（MPO）"),
    # Notes of the viewer
    "nothing-filled": ("Nothing was filled; the photo is as it was.", "未填充任何内容；照片保持原样。"),
    "transparent": (
        "What is transparent in this picture is marked already: press Remove, or paint something else.",
        "图片中的透明部分已被标记：请点击移除，或改为涂抹其他部分。",
    ),
    "example": ("What should go is marked already: press Remove.", "要移除的部分已标记：请点击移除。"),
}

WORDS: dict[str, dict[str, str]] = {
    language: {key: texts[index] for key, texts in _WORDS.items()} for index, language in enumerate(("en", "zh"))
}

LANGUAGES = gr.I18n(en=WORDS["en"], zh=WORDS["zh"], **{"zh-CN": WORDS["zh"], "zh-TW": WORDS["zh"]})


def dropped_sentence(dropped: Sequence[str], accepted: str) -> str:
    """What a file lacks, in a sentence; "" where that is nothing. accepted: the browser's Accept-Language header."""
    if not dropped:
        return ""
    words = WORDS["zh" if accepted.lower().startswith("zh") else "en"]
    return words["dropped"].format(names=words["dropped-separator"].join(words.get(name, name) for name in dropped))


def spoken(key: str) -> Any:
    """The text of that key, for a Gradio component to translate in the browser."""
    return LANGUAGES(key)
