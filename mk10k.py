import sys; sys.path.insert(0,"/work/hA/benchmarks")
import batch, pathlib, numpy as np
from medtalk.audio import read_speech
w=pathlib.Path("/work/scratch/i16/hA/w10k"); v=read_speech("/work/hA/assets/audio/sample.wav").samples
words=["--bundle","/work/scratch/i16/hA/tiny"]
batch.cut(w/"done",v,50,.5,1.0); batch.bake(w/"done",w/"done_rigs","--jobs",1,*words); batch.copy_lines(w/"done",w/"done_rigs",50,10000)
